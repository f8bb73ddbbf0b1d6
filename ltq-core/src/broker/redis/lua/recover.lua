-- Returns messages of one worker to the head of the queue, in the order in which it took them, and removes the worker when
-- it has none. `mode` is `expired` (does nothing while the lease runs, and notes the recovery of each message) or `leaving`.
-- Returns {messages returned, 1 if the worker still holds some}
-- Safe to run twice: the second run goes on where the first one ended.
-- One call unpacks at most four blocks of 1,000, reads at most 5,000 places and moves at most `most` messages.

local expired = mode == 'expired'
most = math.min(tonumber(most), CHUNK)

if expired then
  local lease_end = redis.call('ZSCORE', holders, worker)
  if not lease_end or tonumber(lease_end) > now_in_ms() then return {0, 0} end
end
-- These change nothing. At `maxmemory` a server refuses writes that may need memory, unless the script has made another
-- write before; and what may not be taken out of these hands must not be put onto the queue first.
redis.call('ZREM', holders, '')
redis.call('HDEL', active, '')

for i, state in ipairs(redis.call('HMGET', blocks, 0, 1, 2, 3)) do
  if state then unpack_block(read_block(state), KEYS[FIRST_KEY + i - 1], blocks, i - 1, active) end
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
  if expired then
    for _, payload in ipairs(payloads) do
      local id = id_of(payload)
      -- A note that is refused must not keep the message from coming back.
      if id then redis.pcall('HINCRBY', notes, id, 1) end
    end
  end
  redis.call('HDEL', active, unpack(moved))
  count(expired and 'recovered' or 'returned', #moved)
  push_token()
end

local more = redis.call('EXISTS', active)
if more == 0 then
  redis.call('ZREM', holders, worker)
  -- Who lost its lease may still repeat its last turn, and has to learn what that did. Who leaves repeats nothing.
  if not expired then
    redis.pcall('DEL', turn)
    redis.pcall('DEL', record)
  end
end
return {#moved, more}
