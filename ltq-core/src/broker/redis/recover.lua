-- Returns messages of one worker to the head of the queue, the oldest first, and removes the worker when it has none.
--
-- KEYS 1 ready   2 active of the worker   3 holders   4 deliveries   5 wake   6 turn of the worker   7 counts
-- ARGV 1 worker   2 `expired` or `leaving`   3 how many messages at most (up to 500)
-- Returns {messages returned, 1 if the worker still holds some}
-- Safe to run twice: the second run goes on where the first one ended.
-- `expired` does nothing while the lease runs. One call reads at most 2,000 ids and moves at most ARGV 3 messages.

local ready, active, holders, deliveries = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local wake, turn, counts = KEYS[5], KEYS[6], KEYS[7]
local worker, expired, most = ARGV[1], ARGV[2] == 'expired', math.min(tonumber(ARGV[3]), CHUNK)

if expired then
  local lease_end = redis.call('ZSCORE', holders, worker)
  if not lease_end or tonumber(lease_end) > now_in_ms() then return {0, 0} end
end

-- The newest messages go first, so that over all calls the oldest end at the head. Of a worker that holds very many only
-- a part is read, and the order holds within each part.
local held = {}
if redis.call('HLEN', active) <= 2000 then
  held = redis.call('HKEYS', active)
else
  -- The scan may report an id twice.
  local seen, cursor, rounds = {}, '0', 0
  repeat
    local part = redis.call('HSCAN', active, cursor, 'COUNT', most)
    cursor = part[1]
    for i = 1, #part[2], 2 do
      local id = part[2][i]
      if not seen[id] then
        seen[id] = true
        held[#held + 1] = id
      end
    end
    rounds = rounds + 1
  until cursor == '0' or #held >= most or rounds == 20
end

-- Compared as numbers: the order of strings in Lua depends on the locale of the server.
local keyed = {}
for i, id in ipairs(held) do
  local a, b, c, d, e, f, g, h, j, k, l, m, n, o, p, q = string.byte(id, 1, 16)
  keyed[i] = {
    id,
    ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f,
    ((((g * 256 + h) * 256 + j) * 256 + k) * 256 + l) * 256 + m,
    ((n * 256 + o) * 256 + p) * 256 + q,
  }
end
table.sort(keyed, function(x, y)
  if x[2] ~= y[2] then return x[2] > y[2] end
  if x[3] ~= y[3] then return x[3] > y[3] end
  return x[4] > y[4]
end)

local ids = {}
for i = 1, math.min(most, #keyed) do ids[i] = keyed[i][1] end
if #ids > 0 then
  -- As in `turn.lua`: at `maxmemory` a write that needs no memory must come first.
  redis.call('ZREM', holders, '')
  local payloads = redis.call('HMGET', active, unpack(ids))
  redis.call('LPUSH', ready, unpack(payloads))
  redis.call('HDEL', active, unpack(ids))
  if expired then
    for i, id in ipairs(ids) do
      -- A made-up id is gone with this step, so nothing could ever remove a count kept under it.
      if id_of(payloads[i]) == id then redis.call('HINCRBY', deliveries, id, 1) end
    end
  end
  redis.call('HINCRBY', counts, expired and 'recovered' or 'returned', #ids)
  if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
end

local more = redis.call('EXISTS', active)
if more == 0 then
  redis.call('ZREM', holders, worker)
  -- Who lost its lease may still repeat its last turn, and has to learn what that did. Who leaves repeats nothing.
  if not expired then redis.call('DEL', turn) end
end
return {#ids, more}
