-- One turn of a worker: settles what it finished, makes due messages ready, takes ready ones. The hot path.
--
-- KEYS 1 ready   2 scheduled   3 active of the worker   4 holders   5 deliveries   6 dead   7 letters   8 wake
--      9 turn of the worker   10 counts
-- ARGV 1 worker   2 sequence   3 lease in ms   4 messages wanted   5 late results discarded before
--      6 most dead letters   7 greatest age of a dead letter in ms   8 seconds to remember the turn
--      9 ids of done messages, 16 bytes each   10 number of retries   11 of returns   12 of dead letters, then
--      retries: id, delay in ms, payload · returns, oldest first: id, payload · dead letters: id, record
-- Returns {status, now in ms, ms until the next scheduled message or -1, 1 if ready messages are left, refused, trimmed,
--      payloads taken, exceptions: index in the payloads (from 1), id, recoveries; …}
--      status 0: as asked · 1: the worker is not registered, or this server has lost turns of it, nothing was done ·
--      2: older than the last turn, nothing was done. A delivery has an exception only if its id is made up or it was
--      recovered before.
-- Safe to run twice: a turn with the last sequence finds what the first run left and changes nothing.
-- Loops are bounded by the arguments, the number wanted, and 500 expired dead letters.

local ready, scheduled, active, holders, deliveries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local dead, letters, wake, turn, counts = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local worker, sequence, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local done, retries, returns, deaths = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local FIRST = 13
-- What stands before the ids in a record is shorter than this.
local HEADER = 80
-- In the place of an id, where bytes are no envelope. No hash has such a field, since ids are 16 bytes long.
local NO_ID = ''

local now = now_in_ms()

-- Recovery counts of these messages; the hash is there only while recovered messages are about.
local some_recovered = redis.call('EXISTS', deliveries) == 1
local exceptions = {}
local function note_recovered(ids, made_up)
  if not some_recovered then
    for index, id in pairs(made_up) do
      exceptions[#exceptions + 1] = index
      exceptions[#exceptions + 1] = id
      exceptions[#exceptions + 1] = 0
    end
    return
  end
  for first = 1, #ids, CHUNK do
    local last = math.min(first + CHUNK - 1, #ids)
    local found = redis.call('HMGET', deliveries, unpack(ids, first, last))
    for i = first, last do
      local times = found[i - first + 1]
      if times or made_up[i] then
        exceptions[#exceptions + 1] = i
        exceptions[#exceptions + 1] = ids[i]
        exceptions[#exceptions + 1] = tonumber(times or 0)
      end
    end
  end
end

-- When the next scheduled message is due, from now; never negative, -1 for none.
local function until_due(first)
  if not first[2] then return -1 end
  return math.max(0, tonumber(first[2]) - now)
end

local registered = redis.call('ZSCORE', holders, worker)

-- 1. A turn that was made already, or one whose predecessor this server has never seen: it lost the data (a replica took
-- over that was behind), so what the worker believes to hold and what stands here are not the same any more.
local behind = false
local record = redis.call('GETRANGE', turn, 0, HEADER)
if record ~= '' then
  local _, header, last, was_lost, refused, trimmed = string.find(record, '^(%d+):(%d):(%d+):(%d+):')
  last = tonumber(last)
  if sequence < last then return {2, now, -1, 0, 0, 0, {}, {}} end
  if sequence == last then
    if was_lost == '1' or not registered then return {1, now, -1, 0, tonumber(refused), 0, {}, {}} end
    record = redis.call('GET', turn)
    local payloads, ids, made_up = {}, {}, {}
    for first = header + 1, #record, 16 * CHUNK do
      local wanted = {}
      for at = first, math.min(first + 16 * CHUNK, #record + 1) - 16, 16 do
        wanted[#wanted + 1] = string.sub(record, at, at + 15)
      end
      local held = redis.call('HMGET', active, unpack(wanted))
      for i = 1, #wanted do
        if held[i] then
          ids[#ids + 1] = wanted[i]
          payloads[#payloads + 1] = held[i]
          if id_of(held[i]) ~= wanted[i] then made_up[#ids] = wanted[i] end
        end
      end
    end
    note_recovered(ids, made_up)
    local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
    return {0, now, until_due(first), redis.call('EXISTS', ready), tonumber(refused), tonumber(trimmed), payloads,
            exceptions}
  end
  behind = registered and (was_lost == '1' or sequence > last + 1)
end
-- At `maxmemory` a server refuses writes that may need memory, unless the script has made another write before. What
-- workers say makes room and must get through, so a write that changes nothing comes first.
redis.call('ZREM', holders, '')

local counted = {done = 0, retried = 0, returned = 0, dead = 0, refused = tonumber(ARGV[5]), trimmed = 0}
local function count()
  for what, times in pairs(counted) do
    if times > 0 then redis.call('HINCRBY', counts, what, int(times)) end
  end
end

-- 2. Registration. Turn 1 registers; a later one of a worker that is gone changes nothing but the count of refusals. The
-- messages of a worker that is to start anew are free for others at once.
if behind then redis.call('ZADD', holders, int(now), worker) end
if behind or (not registered and sequence ~= 1) then
  local refused = #done / 16 + retries + returns + deaths
  counted.refused = counted.refused + refused
  count()
  redis.call('SET', turn, int(sequence) .. ':1:' .. int(refused) .. ':0:', 'EX', ARGV[8])
  return {1, now, -1, 0, refused, 0, {}, {}}
end
redis.call('ZADD', holders, int(now + ARGV[3]), worker)

-- 3. Settlements. Each counts only if the id is still in this worker's hash.
local refused = 0

for first = 1, #done, 16 * CHUNK do
  local ids = {}
  local filled = 0
  for at = first, math.min(first + 16 * CHUNK, #done + 1) - 16, 16 do
    filled = filled + 1
    ids[filled] = sub(done, at, at + 15)
  end
  if some_recovered then
    local found = redis.call('HMGET', deliveries, unpack(ids))
    for i = 1, #ids do
      -- Of a refused one the count belongs to whoever has the message now.
      if found[i] and redis.call('HEXISTS', active, ids[i]) == 1 then redis.call('HDEL', deliveries, ids[i]) end
    end
  end
  local removed = redis.call('HDEL', active, unpack(ids))
  counted.done = counted.done + removed
  refused = refused + #ids - removed
end

local next_arg = FIRST
local earliest_retry = nil
for _ = 1, retries do
  if redis.call('HDEL', active, ARGV[next_arg]) == 1 then
    local due = now + ARGV[next_arg + 1]
    redis.call('ZADD', scheduled, int(due), ARGV[next_arg + 2])
    if not earliest_retry or due < earliest_retry then earliest_retry = due end
    counted.retried = counted.retried + 1
  else
    refused = refused + 1
  end
  next_arg = next_arg + 3
end

-- Pushed one by one to the head, so the newest has to go first.
for at = next_arg + 2 * (returns - 1), next_arg, -2 do
  if redis.call('HDEL', active, ARGV[at]) == 1 then
    redis.call('LPUSH', ready, ARGV[at + 1])
    counted.returned = counted.returned + 1
  else
    refused = refused + 1
  end
end
next_arg = next_arg + 2 * returns

for _ = 1, deaths do
  local id = ARGV[next_arg]
  if redis.call('HDEL', active, id) == 1 then
    redis.call('ZADD', dead, int(now), id)
    redis.call('HSET', letters, id, ARGV[next_arg + 1])
    if some_recovered then redis.call('HDEL', deliveries, id) end
    counted.dead = counted.dead + 1
  else
    refused = refused + 1
  end
  next_arg = next_arg + 2
end
counted.refused = counted.refused + refused

-- 4. Dead letters over the limits go, the oldest first. What this turn added may all have to go at once.
local function trim(ids)
  for first = 1, #ids, CHUNK do
    local last = math.min(first + CHUNK - 1, #ids)
    redis.call('ZREM', dead, unpack(ids, first, last))
    redis.call('HDEL', letters, unpack(ids, first, last))
  end
  counted.trimmed = counted.trimmed + #ids
end
local oldest = redis.call('ZRANGE', dead, 0, 0, 'WITHSCORES')
if oldest[2] then
  local limit = now - ARGV[7]
  if tonumber(oldest[2]) < limit then
    trim(redis.call('ZRANGEBYSCORE', dead, '-inf', '(' .. int(limit), 'LIMIT', 0, CHUNK))
  end
  local over = math.min(redis.call('ZCARD', dead) - ARGV[6], deaths + CHUNK)
  if over > 0 then trim(redis.call('ZRANGE', dead, 0, over - 1)) end
end

-- 5. What is due becomes ready.
local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
if first[2] and tonumber(first[2]) <= now then
  local most = math.max(100, math.min(1000, 2 * want))
  local due = redis.call('ZRANGEBYSCORE', scheduled, '-inf', int(now), 'LIMIT', 0, most)
  for from = 1, #due, CHUNK do
    local to = math.min(from + CHUNK - 1, #due)
    redis.call('RPUSH', ready, unpack(due, from, to))
    redis.call('ZREM', scheduled, unpack(due, from, to))
  end
  first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
end
-- Whoever waits does so until what was the earliest before; it has to learn about an earlier one.
local alarm = first[2] and tonumber(first[2]) == earliest_retry

-- 6. Take. Bytes that are no envelope get an id of their own, so that even two equal ones are kept apart; so does a second
-- message of an id that this worker holds already, which would push the first one out of its hands.
local function made_up_id(nth, payload)
  -- The time and the place in this turn, so that it keeps its place among others; then chance. A UUID of version 8.
  local digest = redis.sha1hex(worker .. ':' .. int(sequence) .. ':' .. nth .. ':' .. int(now) .. payload)
  local chance = string.gsub(string.sub(digest, 1, 12), '%x%x', function(hex) return string.char(tonumber(hex, 16)) end)
  local time = {}
  for i = 0, 5 do time[6 - i] = math.floor(now / 256 ^ i) % 256 end
  return string.char(time[1], time[2], time[3], time[4], time[5], time[6],
                     0x80 + math.floor(sequence / 256) % 16, sequence % 256,
                     0x80 + math.floor(nth / 256) % 64, nth % 256) .. chance
end

local payloads = want > 0 and redis.call('LPOP', ready, want) or {}
local ids, made_up = {}, {}
for i = 1, #payloads do ids[i] = id_of(payloads[i]) or NO_ID end
local holds_some = #ids > 0 and redis.call('EXISTS', active) == 1
for first = 1, #ids, CHUNK / 2 do
  local last = math.min(first + CHUNK / 2 - 1, #ids)
  local held = holds_some and redis.call('HMGET', active, unpack(ids, first, last)) or {}
  local fields, filled = {}, 0
  for i = first, last do
    local id, payload = ids[i], payloads[i]
    if id == NO_ID or held[i - first + 1] then
      id = made_up_id(i, payload)
      ids[i], made_up[i] = id, id
    end
    fields[filled + 1], fields[filled + 2] = id, payload
    filled = filled + 2
  end
  local added = redis.call('HSET', active, unpack(fields))
  if added < filled / 2 then
    -- Two of one id among these: the first has lost its place to the second.
    local seen = {}
    for i = first, last do
      local id, payload = ids[i], payloads[i]
      if seen[id] then
        ids[i] = made_up_id(i, payload)
        made_up[i] = ids[i]
        redis.call('HSET', active, id, seen[id], ids[i], payload)
      else
        seen[id] = payload
      end
    end
  end
  holds_some = true
end
note_recovered(ids, made_up)

-- 7. Pass the token on where something is left for others.
local more = redis.call('EXISTS', ready)
if (more == 1 or alarm) and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end

-- 8. Remember this turn for a repeat.
ids[0] = int(sequence) .. ':0:' .. int(refused) .. ':' .. int(counted.trimmed) .. ':'
redis.call('SET', turn, table.concat(ids, '', 0), 'EX', ARGV[8])
count()
return {0, now, until_due(first), more, refused, counted.trimmed, payloads, exceptions}
