-- Runs each command that the other scripts need once, on keys that nobody else uses and that are gone afterwards.
-- Returns the names of those that the server refuses.
-- Safe to run twice. `role` is `worker` or `producer`, which needs fewer.

local refused = {}
local function tried(command, reply)
  local why = type(reply) == 'table' and reply.err or ''
  -- A server that is full or a replica refuses writes to everybody, which passes.
  local passes = string.find(why, 'OOM') or string.find(why, 'READONLY') or string.find(why, 'MISCONF')
      or string.find(why, 'NOREPLICAS')
  if why ~= '' and not passes then refused[#refused + 1] = command end
end

-- What is left where a command that removes is missing goes by itself.
tried('SET', redis.pcall('SET', probe_string, '', 'EX', 10))
tried('GET', redis.pcall('GET', probe_string))
tried('EXPIRE', redis.pcall('EXPIRE', probe_string, 10))
tried('EXISTS', redis.pcall('EXISTS', probe_string))
tried('TYPE', redis.pcall('TYPE', probe_string))
tried('RPUSH', redis.pcall('RPUSH', probe_list, ''))
tried('EXPIRE', redis.pcall('EXPIRE', probe_list, 10))
tried('LLEN', redis.pcall('LLEN', probe_list))
tried('ZADD', redis.pcall('ZADD', probe_sorted, 0, ''))
tried('EXPIRE', redis.pcall('EXPIRE', probe_sorted, 10))
tried('ZCARD', redis.pcall('ZCARD', probe_sorted))
tried('ZRANGE', redis.pcall('ZRANGE', probe_sorted, 0, 0))
tried('TIME', redis.pcall('TIME'))
if role == 'worker' then
  tried('LPUSH', redis.pcall('LPUSH', probe_list, ''))
  tried('LRANGE', redis.pcall('LRANGE', probe_list, 0, 0))
  tried('LINDEX', redis.pcall('LINDEX', probe_list, 0))
  tried('HSET', redis.pcall('HSET', probe_hash, '', '1'))
  tried('EXPIRE', redis.pcall('EXPIRE', probe_hash, 10))
  tried('HGET', redis.pcall('HGET', probe_hash, ''))
  tried('HMGET', redis.pcall('HMGET', probe_hash, ''))
  tried('HGETALL', redis.pcall('HGETALL', probe_hash))
  tried('HKEYS', redis.pcall('HKEYS', probe_hash))
  tried('HLEN', redis.pcall('HLEN', probe_hash))
  tried('HEXISTS', redis.pcall('HEXISTS', probe_hash, ''))
  tried('HINCRBY', redis.pcall('HINCRBY', probe_hash, '', 1))
  tried('HSCAN', redis.pcall('HSCAN', probe_hash, 0))
  tried('HDEL', redis.pcall('HDEL', probe_hash, ''))
  tried('ZRANGEBYSCORE', redis.pcall('ZRANGEBYSCORE', probe_sorted, 0, 0))
  tried('ZSCORE', redis.pcall('ZSCORE', probe_sorted, ''))
  tried('ZREM', redis.pcall('ZREM', probe_sorted, ''))
  tried('LTRIM', redis.pcall('LTRIM', probe_list, 1, 0))
  tried('DEL', redis.pcall('DEL', probe_string))
end
return refused
