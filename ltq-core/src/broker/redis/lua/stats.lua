-- Numbers of one queue at one moment. Changes nothing.
-- The keys after the named ones are `active` and `blocks` of each known worker in turn, of at most 1,000 workers.
-- Returns {ready, scheduled, dead, workers, active, count names and numbers in turn}

local held = 0
for i = FIRST_KEY, #KEYS, 2 do
  held = held + redis.call('HLEN', KEYS[i])
  local states = redis.call('HGETALL', KEYS[i + 1])
  for at = 2, #states, 2 do held = held + read_block(states[at]).left end
end
return {redis.call('LLEN', ready), redis.call('ZCARD', scheduled), redis.call('ZCARD', dead),
        redis.call('ZCARD', holders), held, redis.call('HGETALL', counts)}
