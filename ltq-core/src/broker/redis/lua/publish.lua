-- Puts a batch on a queue: all of it, or nothing if the batch is there already.
--
-- KEYS 1 ready   2 scheduled   3 wake   4 producer
-- ARGV 1 sequence   2 seconds to remember the sequence   3 how many messages may wait, -1 for any number
--      4 `now` or `mixed`   5… the messages:
--        now: one payload each, all ready at once
--        mixed: pairs of when and payload; when is empty (ready at once), `+ms` (from now) or `@ms` (Unix epoch)
-- Returns 1 stored, 0 repeated: nothing was changed, -1 so many messages wait already: nothing was changed.
-- Safe to run twice: the second run sees the sequence of the first. Loops are bounded by the number of arguments.

local ready, scheduled, wake, producer = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local sequence = tonumber(ARGV[1])

local last = redis.call('GET', producer)
if last and tonumber(last) >= sequence then
  -- A write of its own, so that whoever waits for replicas after this call waits for the first run's writes too.
  redis.call('EXPIRE', producer, ARGV[2])
  return 0
end
local most = tonumber(ARGV[3])
if most >= 0 and redis.call('LLEN', ready) + redis.call('ZCARD', scheduled) >= most then return -1 end
redis.call('SET', producer, int(sequence), 'EX', ARGV[2])

local alarm = false
if ARGV[4] == 'now' then
  for first = 5, #ARGV, CHUNK do
    redis.call('RPUSH', ready, unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV)))
    alarm = true
  end
else
  local now = now_in_ms()
  local at_once, earliest = {}, nil
  for i = 5, #ARGV, 2 do
    local when, due = ARGV[i], now
    if when ~= '' then
      due = tonumber(string.sub(when, 2))
      if string.sub(when, 1, 1) == '+' then due = now + due end
    end
    if due <= now then
      at_once[#at_once + 1] = ARGV[i + 1]
    else
      redis.call('ZADD', scheduled, int(due), ARGV[i + 1])
      if not earliest or due < earliest then earliest = due end
    end
  end
  for first = 1, #at_once, CHUNK do
    redis.call('RPUSH', ready, unpack(at_once, first, math.min(first + CHUNK - 1, #at_once)))
    alarm = true
  end
  if earliest and not alarm then
    -- Whoever waits does so until what was the earliest before; it has to learn about an earlier one.
    alarm = tonumber(redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')[2]) == earliest
  end
end

if alarm and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
return 1
