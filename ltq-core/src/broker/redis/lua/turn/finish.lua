-- Records the turn for a repeat, and only then takes off the queue what it copied: what is recorded is found again.
remember(AS_ASKED, refused, taken)
if taken > 0 then redis.call('LTRIM', ready, taken, -1) end
left = left or redis.call('EXISTS', ready)

-- Passes the token on where something is left for others.
if left == 1 or alarm then push_token() end
local next_index = (sequence + 1) % BLOCKS
local in_the_way = held[next_index]
if left == 1 and not (in_the_way and 4 * in_the_way.left >= redis.call('LLEN', KEYS[FIRST_KEY + next_index])) then left = 2 end

for what, times in pairs(counted) do count(what, times) end
return answer(AS_ASKED, first, left, refused, counted.trimmed, payloads, '', block_size, head)
