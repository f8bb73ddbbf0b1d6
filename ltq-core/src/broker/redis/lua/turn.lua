-- One turn of a worker: settles what it finished, makes due messages ready, takes ready ones. The hot path.
--
-- KEYS 1 ready   2 scheduled   3 active of the worker   4 holders   5 deliveries   6 dead   7 letters   8 wake
--      9 turn of the worker   10 counts   11 batches of the worker   12 to 15 its batches, by the turn modulo 4
-- ARGV 1 worker   2 sequence   3 lease in ms   4 messages wanted   5 late results discarded before
--      6 most dead letters   7 greatest age of a dead letter in ms   8 seconds to remember the turn
--      9 as how many messages at least they are taken as a batch, 0 for never
--      10 done messages: for each turn that took some, its number (6 bytes), the length of a mask (1), and the mask
--      11 done messages that were recovered before: place (8 bytes), id (16 bytes); …
--      12 number of retries   13 of returns   14 of dead letters, then
--      retries: place, delay in ms, payload · returns, in the order of their places: place, payload ·
--      dead letters: place, id, record
-- Returns {status, now in ms, ms until the next scheduled message or -1,
--      ready messages are left: 0 no · 1 yes · 2 yes, and the next turn may take them as a batch, refused, trimmed,
--      payloads taken, which of the turn they are (2 bytes each) where some are missing, recoveries: id, number; …,
--      how many messages were taken as a batch, and the first element of its list; the messages follow there}
--      status 0: as asked · 1: the worker is not registered, or this server has lost turns of it, nothing was done ·
--      2: older than the last turn, nothing was done.
-- Safe to run twice: a turn with the last sequence finds what the first run left and changes nothing.
-- Loops are bounded by the arguments, the number wanted, four batches of at most 1,000, and 500 expired dead letters.

local ready, scheduled, active, holders, deliveries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local dead, letters, wake, turn, counts, batches = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local LISTS = 12
local worker, sequence, want, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[9])
local done, done_recovered = ARGV[10], ARGV[11]
local retries, returns, deaths = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local FIRST = 15
-- With more recovered messages about than this, each message is looked at when it is taken.
local FEW = 64

local now = now_in_ms()
local slot = sequence % BATCHES

-- Recovery counts: of these payloads or, where there are only few, of all messages that were ever recovered.
local function recoveries_of(payloads)
  local recovered = redis.call('HLEN', deliveries)
  if recovered == 0 then return {} end
  if recovered <= FEW then return redis.call('HGETALL', deliveries) end
  local told = {}
  for first = 1, #payloads, CHUNK do
    local ids = {}
    for i = first, math.min(first + CHUNK - 1, #payloads) do ids[#ids + 1] = id_of(payloads[i]) or '' end
    for i, times in ipairs(redis.call('HMGET', deliveries, unpack(ids))) do
      if times then
        told[#told + 1] = ids[i]
        told[#told + 1] = times
      end
    end
  end
  return told
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
local record = redis.call('GET', turn)
if record then
  local _, _, last, was_lost, refused, trimmed, taken = string.find(record, '^(%d+):(%d):(%d+):(%d+):(%d+)$')
  last = tonumber(last)
  if sequence < last then return {2, now, -1, 0, 0, 0, {}, '', {}, 0, ''} end
  if sequence == last then
    if was_lost == '1' or not registered then return {1, now, -1, 0, tonumber(refused), 0, {}, '', {}, 0, ''} end
    local payloads, places, as_batch, head = {}, '', 0, ''
    local batch = read_batch(redis.call('HGET', batches, slot))
    local list = KEYS[LISTS + slot]
    if batch and batch.turn == sequence and redis.call('LLEN', list) == batch.left + 1 then
      as_batch, head = batch.left, redis.call('LINDEX', list, 0)
    else
      -- Whoever recovers this worker may have some of them already.
      local this, seconds = turn_bytes(sequence), {}
      for first = 0, tonumber(taken) - 1, CHUNK do
        local wanted = {}
        for nth = first, math.min(first + CHUNK, tonumber(taken)) - 1 do
          wanted[#wanted + 1] = this .. char(floor(nth / 256), nth % 256)
        end
        for i, payload in ipairs(redis.call('HMGET', active, unpack(wanted))) do
          if payload then
            payloads[#payloads + 1] = payload
            seconds[#seconds + 1] = sub(wanted[i], 7, 8)
          end
        end
      end
      places = table.concat(seconds)
    end
    local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
    return {0, now, until_due(first), redis.call('EXISTS', ready), tonumber(refused), tonumber(trimmed), payloads, places,
            recoveries_of(payloads), as_batch, head}
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
local function remember(lost, refused, taken)
  local outcome = ':' .. lost .. ':' .. int(refused) .. ':' .. int(counted.trimmed) .. ':' .. int(taken)
  redis.call('SET', turn, int(sequence) .. outcome, 'EX', ARGV[8])
end

-- 2. Registration. Turn 1 registers; a later one of a worker that is gone changes nothing but the count of refusals. The
-- messages of a worker that is to start anew are free for others at once.
if behind then redis.call('ZADD', holders, int(now), worker) end
if behind or (not registered and sequence ~= 1) then
  local refused = #done_recovered / 24 + retries + returns + deaths
  local at = 1
  while at <= #done do
    local length = byte(done, at + 6)
    each_bit(sub(done, at + 7, at + 6 + length), function() refused = refused + 1 end)
    at = at + 7 + length
  end
  counted.refused = counted.refused + refused
  count()
  remember(1, refused, 0)
  return {1, now, -1, 0, refused, 0, {}, '', {}, 0, ''}
end
redis.call('ZADD', holders, int(now + ARGV[3]), worker)

-- 3. Settlements. Each counts only if its place is still in this worker's hands: in one of its batches, or in its hash.
local held, changed = {}, {}
local states = redis.call('HMGET', batches, 0, 1, 2, 3)
for i = 0, BATCHES - 1 do held[i] = read_batch(states[i + 1]) end
local function batch_of(number)
  local batch = held[number % BATCHES]
  if batch and batch.turn == number then
    changed[number % BATCHES] = true
    return batch
  end
end

local refused = 0
local function ones(number)
  local found = 0
  while number > 0 do
    found, number = found + number % 2, floor(number / 2)
  end
  return found
end
local function settle_in_batch(batch, mask)
  if mask == batch.mask then
    counted.done = counted.done + batch.left
    batch.left, batch.mask = 0, ''
    return
  end
  local kept, last = {}, 0
  for i = 1, math.max(#mask, #batch.mask) do
    local asked, there = byte(mask, i) or 0, byte(batch.mask, i) or 0
    local accepted = asked == 0 and 0 or bit.band(asked, there)
    if asked > 0 then
      local number = accepted == 255 and 8 or ones(accepted)
      counted.done, batch.left = counted.done + number, batch.left - number
      if accepted ~= asked then refused = refused + ones(asked) - number end
    end
    kept[i] = there - accepted
    if kept[i] > 0 then last = i end
  end
  batch.mask = char(unpack(kept, 1, last))
end

local places, asked = {}, 0
local at = 1
while at <= #done do
  local length = byte(done, at + 6)
  local mask = sub(done, at + 7, at + 6 + length)
  local batch = batch_of(turn_of(done, at))
  if batch then
    settle_in_batch(batch, mask)
  else
    local number = sub(done, at, at + 5)
    each_bit(mask, function(nth)
      asked = asked + 1
      places[asked] = number .. char(floor(nth / 256), nth % 256)
    end)
  end
  at = at + 7 + length
end
for first = 1, asked, CHUNK do
  local last = math.min(first + CHUNK - 1, asked)
  local removed = redis.call('HDEL', active, unpack(places, first, last))
  counted.done = counted.done + removed
  refused = refused + last - first + 1 - removed
end

-- Takes one message out of this worker's hands. Says whether it was there.
local function release(place)
  local batch = batch_of(turn_of(place, 1))
  if not batch then return redis.call('HDEL', active, place) == 1 end
  local nth = byte(place, 7) * 256 + byte(place, 8)
  local i = floor(nth / 8) + 1
  local there = byte(batch.mask, i) or 0
  if floor(there / 2 ^ (nth % 8)) % 2 == 0 then return false end
  local rest = there - 2 ^ (nth % 8)
  batch.left = batch.left - 1
  batch.mask = sub(batch.mask, 1, i - 1) .. char(rest) .. sub(batch.mask, i + 1)
  if rest == 0 and i == #batch.mask then batch.mask = string.match(batch.mask, '^(.-)%z*$') end
  return true
end

for from = 1, #done_recovered, 24 do
  if release(sub(done_recovered, from, from + 7)) then
    redis.call('HDEL', deliveries, sub(done_recovered, from + 8, from + 23))
    counted.done = counted.done + 1
  else
    refused = refused + 1
  end
end

local next_arg = FIRST
local earliest_retry = nil
for _ = 1, retries do
  if release(ARGV[next_arg]) then
    local due = now + ARGV[next_arg + 1]
    redis.call('ZADD', scheduled, int(due), ARGV[next_arg + 2])
    if not earliest_retry or due < earliest_retry then earliest_retry = due end
    counted.retried = counted.retried + 1
  else
    refused = refused + 1
  end
  next_arg = next_arg + 3
end

-- Pushed one by one to the head, so the last has to go first.
for arg = next_arg + 2 * (returns - 1), next_arg, -2 do
  if release(ARGV[arg]) then
    redis.call('LPUSH', ready, ARGV[arg + 1])
    counted.returned = counted.returned + 1
  else
    refused = refused + 1
  end
end
next_arg = next_arg + 2 * returns

-- No letter takes the place of another that has its id: it gets one made of the first half of its id and its place.
local function free_id(id, place)
  if redis.call('HEXISTS', letters, id) == 0 then return id end
  return sub(id, 1, 8) .. place
end
for _ = 1, deaths do
  if release(ARGV[next_arg]) then
    local id = free_id(ARGV[next_arg + 1], ARGV[next_arg])
    redis.call('ZADD', dead, int(now), id)
    redis.call('HSET', letters, id, ARGV[next_arg + 2])
    redis.call('HDEL', deliveries, ARGV[next_arg + 1])
    counted.dead = counted.dead + 1
  else
    refused = refused + 1
  end
  next_arg = next_arg + 3
end
counted.refused = counted.refused + refused

for i = 0, BATCHES - 1 do
  local batch, list = held[i], KEYS[LISTS + i]
  if batch and batch.left == 0 then
    redis.call('DEL', list)
    redis.call('HDEL', batches, i)
    held[i] = nil
  elseif batch and sequence - batch.turn >= BATCHES and 4 * batch.left < redis.call('LLEN', list) then
    -- Few that take long must not keep the memory of the many that are done.
    unpack_batch(batch, list, batches, i, active)
    held[i] = nil
  elseif changed[i] then
    redis.call('HSET', batches, i, write_batch(batch))
  end
end

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

-- 6. Take: many as a batch, which moves them without a look at any; else one by one. Of a constant pattern, `SORT` copies a
-- range of a list as it is. Where many of the last batch in this slot are held still, tasks take long, and moving these on
-- would cost more than the batch saves.
local payloads, as_batch, head = {}, 0, ''
if least > 0 and not held[slot] and math.min(want, redis.call('LLEN', ready)) >= least
    and redis.call('HLEN', deliveries) <= FEW then
  local list = KEYS[LISTS + slot]
  local copied = redis.pcall('SORT', ready, 'BY', 'nosort', 'LIMIT', 0, want, 'STORE', list)
  -- A server that does not permit it is served one by one.
  if type(copied) == 'number' then
    as_batch, head = copied, int(sequence) .. ':' .. int(now)
    redis.call('LTRIM', ready, want, -1)
    redis.call('LPUSH', list, head)
    redis.call('HSET', batches, slot, write_batch(whole_batch(sequence, as_batch)))
  end
end
if want > 0 and as_batch == 0 then
  payloads = redis.call('LPOP', ready, want) or {}
  local this = turn_bytes(sequence)
  for first = 1, #payloads, CHUNK / 2 do
    local fields, filled = {}, 0
    for i = first, math.min(first + CHUNK / 2 - 1, #payloads) do
      fields[filled + 1] = this .. char(floor((i - 1) / 256), (i - 1) % 256)
      fields[filled + 2] = payloads[i]
      filled = filled + 2
    end
    redis.call('HSET', active, unpack(fields))
  end
end

-- 7. Pass the token on where something is left for others.
local more = redis.call('EXISTS', ready)
if (more == 1 or alarm) and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
local next_slot = (sequence + 1) % BATCHES
local in_the_way = held[next_slot]
if more == 1 and not (in_the_way and 4 * in_the_way.left >= redis.call('LLEN', KEYS[LISTS + next_slot])) then more = 2 end

-- 8. Remember this turn for a repeat.
remember(0, refused, #payloads + as_batch)
count()
return {0, now, until_due(first), more, refused, counted.trimmed, payloads, '', recoveries_of(payloads), as_batch, head}
