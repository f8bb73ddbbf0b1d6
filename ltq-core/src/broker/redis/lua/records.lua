-- Reads the records of processes, the keys it is handed.
-- Returns {the time, fields and values of each, none where there is no record}
-- Safe to run twice: it changes nothing.

local found = {now_in_ms()}
for i = 1, #KEYS do
  local fields = redis.pcall('HGETALL', KEYS[i])
  found[i + 1] = fields.err and {} or fields
end
return found
