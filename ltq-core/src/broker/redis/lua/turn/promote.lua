-- What is due becomes ready.
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
