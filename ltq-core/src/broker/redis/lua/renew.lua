-- Extends the lease of a worker that is still registered, and reports the leases that ran out.
-- Returns {1 if the worker is registered, ms until the next lease of another worker runs out or -1, expired workers}
-- Safe to run twice. Reports at most `most` expired workers.

most = tonumber(most)
local now = now_in_ms()

local held = redis.call('ZSCORE', holders, worker)
if held then
  -- At `maxmemory` a server refuses writes that may need memory, unless the script has made another write before.
  redis.call('ZREM', holders, '')
  redis.call('ZADD', holders, int(now + lease_ms), worker)
end

local expired = {}
for _, other in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', int(now), 'LIMIT', 0, most + 1)) do
  if other ~= worker and #expired < most then expired[#expired + 1] = other end
end

local next_expiry = -1
local running = redis.call('ZRANGEBYSCORE', holders, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 2)
for i = 1, #running, 2 do
  if running[i] ~= worker then
    next_expiry = tonumber(running[i + 1]) - now
    break
  end
end
return {held and 1 or 0, next_expiry, expired}
