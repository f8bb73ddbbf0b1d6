-- Runs each command that the other scripts need once, on keys that nobody else uses and that are gone afterwards.
-- Returns the names of those that the server refuses.
-- Safe to run twice. `role` is `worker` or `producer`, which needs fewer.

local refused = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  local why = type(reply) == 'table' and reply.err or ''
  -- A server that is full or a replica refuses writes to everybody, which passes.
  local passes = string.find(why, 'OOM') or string.find(why, 'READONLY') or string.find(why, 'MISCONF')
      or string.find(why, 'NOREPLICAS')
  if why ~= '' and not passes then refused[#refused + 1] = command end
end

-- What is left where a command that removes is missing goes by itself.
try('SET', probe_string, '', 'EX', 10)
try('GET', probe_string)
try('EXPIRE', probe_string, 10)
try('EXISTS', probe_string)
try('TYPE', probe_string)
try('RPUSH', probe_list, '')
try('EXPIRE', probe_list, 10)
try('LLEN', probe_list)
try('ZADD', probe_sorted, 0, '')
try('EXPIRE', probe_sorted, 10)
try('ZCARD', probe_sorted)
try('ZRANGE', probe_sorted, 0, 0)
try('TIME')
if role == 'worker' then
  try('LPUSH', probe_list, '')
  try('LRANGE', probe_list, 0, 0)
  try('LINDEX', probe_list, 0)
  try('HSET', probe_hash, '', '1')
  try('EXPIRE', probe_hash, 10)
  try('HGET', probe_hash, '')
  try('HMGET', probe_hash, '')
  try('HGETALL', probe_hash)
  try('HKEYS', probe_hash)
  try('HLEN', probe_hash)
  try('HEXISTS', probe_hash, '')
  try('HINCRBY', probe_hash, '', 1)
  try('HSCAN', probe_hash, 0)
  try('HDEL', probe_hash, '')
  try('ZRANGEBYSCORE', probe_sorted, 0, 0)
  try('ZSCORE', probe_sorted, '')
  try('ZREM', probe_sorted, '')
  try('LTRIM', probe_list, 1, 0)
  try('DEL', probe_string)
end
return refused
