-- Extends the lease of a worker that is still registered, and reports the leases that ran out.
-- Writes what a registered worker tells of its process: `busy` and `running`, unless `busy` is empty, and after the named
-- arguments the fields and values that never change, if it was asked for them.
-- Returns {1 if the worker is registered, ms until the next lease of another worker runs out or -1, expired workers,
-- 1 if the process is to be described, what it is asked to do or ''}
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
local others = redis.call('ZRANGEBYSCORE', holders, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 2)
for i = 1, #others, 2 do
  if others[i] ~= worker then
    next_expiry = tonumber(others[i + 1]) - now
    break
  end
end

-- The record is a hint: where the server refuses it, the lease holds all the same.
local describe, ask = 0, ''
local known = held and busy ~= '' and redis.pcall('HMGET', record, 'end', 'start', 'ask')
if known and not known.err then
  local start = known[2]
  if known[1] and tonumber(known[1]) > now then
    ask = known[3] or ''
  else
    redis.pcall('DEL', record)
    start = nil
  end
  if #ARGV >= FIRST_ARG then
    redis.pcall('HSET', record, 'start', start or int(now), unpack(ARGV, FIRST_ARG))
  elseif not start then
    describe = 1
  end
  if describe == 0 then
    local lasts_ms = 3 * lease_ms
    redis.pcall('HSET', record, 'busy', busy, 'running', running, 'end', int(now + lasts_ms))
    -- `end` says how long it counts; the server forgets it then, and not within the next minute, since clocks of tests stand
    -- still. Nothing stays that would never go.
    local seconds = math.max(60, math.ceil(lasts_ms / 1000))
    if redis.pcall('EXPIRE', record, int(seconds)) ~= 1 then redis.pcall('DEL', record) end
  end
end
return {held and 1 or 0, next_expiry, expired, describe, ask}
