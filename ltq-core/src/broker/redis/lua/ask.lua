-- Writes into the record of a process what it is asked to do.
-- Returns 1 if there is a record
-- Safe to run twice.

local lasts_until = redis.call('HGET', record, 'end')
if not lasts_until or tonumber(lasts_until) <= now_in_ms() then return 0 end
redis.call('HSET', record, 'ask', ask)
return 1
