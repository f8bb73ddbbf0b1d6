-- Stores the entries, and only then the number, so that what was refused half-way is not taken for done.
local alarm = false
if kind == 'now' then
  for first = FIRST_ARG, #ARGV, CHUNK do
    redis.call('RPUSH', ready, unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV)))
    alarm = true
  end
else
  local now = now_in_ms()
  local at_once, earliest = {}, nil
  for i = FIRST_ARG, #ARGV, 2 do
    local when, due = ARGV[i], now
    if when ~= '' then
      due = tonumber(string.sub(when, 2))
      if string.sub(when, 1, 1) == '+' then due = now + due end
    end
    if due <= now then
      at_once[#at_once + 1] = ARGV[i + 1]
    else
      redis.call('ZADD', scheduled, int(due), ARGV[i + 1])
      if not earliest or due < earliest then earliest = due end
    end
  end
  for first = 1, #at_once, CHUNK do
    redis.call('RPUSH', ready, unpack(at_once, first, math.min(first + CHUNK - 1, #at_once)))
    alarm = true
  end
  if earliest and not alarm then
    -- Whoever waits does so until what was the earliest before; it has to learn about an earlier one.
    alarm = tonumber(redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')[2]) == earliest
  end
end

local reply = stored()
if alarm then push_token() end
return reply
