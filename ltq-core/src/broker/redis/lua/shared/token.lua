-- Wakes one waiting worker, by one token. A hint: where the server refuses it, whoever waits looks by itself soon.
local function push_token()
  if redis.pcall('LLEN', wake) == 0 then redis.pcall('RPUSH', wake, '1') end
end
