-- Flags among the notes say that something on this queue needs the full script: `t` there are tracked messages, `p` there is a
-- policy, `s` there are schedules. The plain script does nothing then; the full one serves every queue, and says whether the
-- next turn needs it. `FULL` tells the two apart.
local flagged = 0
if noted > 0 then
  local flags = redis.call('HMGET', notes, 't', 'p', 's')
  flagged = (flags[1] or flags[2] or flags[3]) and 1 or 0
end
