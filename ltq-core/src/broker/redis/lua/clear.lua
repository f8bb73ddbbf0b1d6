-- Deletes waiting messages: the ready ones from the head, then the scheduled ones in the order of their times.
--
-- KEYS 1 ready   2 scheduled   3 deliveries
-- ARGV 1 how many messages at most (up to 500)
-- Returns how many were deleted.
-- Safe to run twice: the second run goes on where the first one ended, and counts only what it deletes itself.
-- What workers hold and dead letters stay. One call reads and deletes at most ARGV 1 messages.

local ready, scheduled, deliveries = KEYS[1], KEYS[2], KEYS[3]
local most = math.min(tonumber(ARGV[1]), CHUNK)

-- Few queues have a message that was ever recovered; the others need not be read.
local recovered = redis.call('EXISTS', deliveries) == 1

local function forget(payloads)
  local ids = {}
  for _, payload in ipairs(payloads) do
    local id = id_of(payload)
    if id then ids[#ids + 1] = id end
  end
  if #ids > 0 then redis.call('HDEL', deliveries, unpack(ids)) end
end

local first = math.min(redis.call('LLEN', ready), most)
if first > 0 then
  if recovered then forget(redis.call('LRANGE', ready, 0, first - 1)) end
  redis.call('LTRIM', ready, first, -1)
end

local later = math.min(redis.call('ZCARD', scheduled), most - first)
if later > 0 then
  if recovered then forget(redis.call('ZRANGE', scheduled, 0, later - 1)) end
  redis.call('ZREMRANGEBYRANK', scheduled, 0, later - 1)
end
return first + later
