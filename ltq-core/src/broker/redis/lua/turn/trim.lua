-- Dead letters over the limits go, the oldest first. What this turn added may all have to go at once.
local function trim(ids)
  for first = 1, #ids, CHUNK do
    local last = math.min(first + CHUNK - 1, #ids)
    redis.call('HDEL', letters, unpack(ids, first, last))
    redis.call('ZREM', dead, unpack(ids, first, last))
  end
  counted.trimmed = counted.trimmed + #ids
end
local oldest = redis.call('ZRANGE', dead, 0, 0, 'WITHSCORES')
if oldest[2] then
  local limit = now - oldest_dead_ms
  if tonumber(oldest[2]) < limit then
    trim(redis.call('ZRANGEBYSCORE', dead, '-inf', '(' .. int(limit), 'LIMIT', 0, CHUNK))
  end
  local over = math.min(redis.call('ZCARD', dead) - most_dead, deaths + CHUNK)
  if over > 0 then trim(redis.call('ZRANGE', dead, 0, over - 1)) end
end
