-- Deletes waiting messages: the ready ones from the head, then the scheduled ones in the order of their times.
-- Returns how many were deleted.
-- Safe to run twice: the second run goes on where the first one ended, and counts only what it deletes itself.
-- What workers hold and dead letters stay. One call reads and deletes at most `most` messages.

most = math.min(tonumber(most), CHUNK)

-- Few queues have a message that was ever recovered; the others need not be read.
local noted = redis.call('EXISTS', notes) == 1

local function forget(payloads)
  local ids = {}
  for _, payload in ipairs(payloads) do
    local id = id_of(payload)
    if id then ids[#ids + 1] = id end
  end
  if #ids > 0 then redis.call('HDEL', notes, unpack(ids)) end
end

local first = math.min(redis.call('LLEN', ready), most)
local later = math.min(redis.call('ZCARD', scheduled), most - first)
if first > 0 then
  if noted then forget(redis.call('LRANGE', ready, 0, first - 1)) end
  redis.call('LTRIM', ready, first, -1)
end
if later > 0 then
  if noted then forget(redis.call('ZRANGE', scheduled, 0, later - 1)) end
  redis.call('ZREMRANGEBYRANK', scheduled, 0, later - 1)
end
return first + later
