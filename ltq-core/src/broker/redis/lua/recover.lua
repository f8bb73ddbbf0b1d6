-- Returns messages of one worker to the head of the queue, in the order in which it took them, and removes the worker when
-- it has none.
--
-- KEYS 1 ready   2 active of the worker   3 holders   4 deliveries   5 wake   6 turn of the worker   7 counts
--      8 batches of the worker   9 to 12 its batches
-- ARGV 1 worker   2 `expired` or `leaving`   3 how many messages at most (up to 500)
-- Returns {messages returned, 1 if the worker still holds some}
-- Safe to run twice: the second run goes on where the first one ended.
-- `expired` does nothing while the lease runs. One call unpacks at most four batches of 1,000, reads at most 5,000 places
-- and moves at most ARGV 3 messages.

local ready, active, holders, deliveries = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local wake, turn, counts, batches = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local LISTS = 9
local worker, expired, most = ARGV[1], ARGV[2] == 'expired', math.min(tonumber(ARGV[3]), CHUNK)

if expired then
  local lease_end = redis.call('ZSCORE', holders, worker)
  if not lease_end or tonumber(lease_end) > now_in_ms() then return {0, 0} end
end
-- As in `turn.lua`: at `maxmemory` a write that needs no memory must come first.
redis.call('ZREM', holders, '')

for slot, state in ipairs(redis.call('HMGET', batches, 0, 1, 2, 3)) do
  if state then unpack_batch(read_batch(state), KEYS[LISTS + slot - 1], batches, slot - 1, active) end
end

-- What was taken last goes first, so that over all calls the head is in the order of the places. Of a worker that holds very
-- many only a part is read, and the order holds within each part.
local places = {}
if redis.call('HLEN', active) <= 5000 then
  places = redis.call('HKEYS', active)
else
  -- The scan may report a place twice.
  local seen, cursor, rounds = {}, '0', 0
  repeat
    local part = redis.call('HSCAN', active, cursor, 'COUNT', most)
    cursor = part[1]
    for i = 1, #part[2], 2 do
      local place = part[2][i]
      if not seen[place] then
        seen[place] = true
        places[#places + 1] = place
      end
    end
    rounds = rounds + 1
  until cursor == '0' or #places >= most or rounds == 20
end

-- Compared as numbers: the order of strings in Lua depends on the locale of the server.
local numbers, place_of = {}, {}
for i, place in ipairs(places) do
  numbers[i] = turn_of(place, 1) * 1024 + byte(place, 7) * 256 + byte(place, 8)
  place_of[numbers[i]] = place
end
table.sort(numbers, function(one, other) return one > other end)

local moved = {}
for i = 1, math.min(most, #numbers) do moved[i] = place_of[numbers[i]] end
if #moved > 0 then
  local payloads = redis.call('HMGET', active, unpack(moved))
  redis.call('LPUSH', ready, unpack(payloads))
  redis.call('HDEL', active, unpack(moved))
  if expired then
    for _, payload in ipairs(payloads) do
      local id = id_of(payload)
      if id then redis.call('HINCRBY', deliveries, id, 1) end
    end
  end
  redis.call('HINCRBY', counts, expired and 'recovered' or 'returned', #moved)
  if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
end

local more = redis.call('EXISTS', active)
if more == 0 then
  redis.call('ZREM', holders, worker)
  -- Who lost its lease may still repeat its last turn, and has to learn what that did. Who leaves repeats nothing.
  if not expired then redis.call('DEL', turn) end
end
return {#moved, more}
