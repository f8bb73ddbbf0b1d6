-- Numbers of one queue at one moment. Changes nothing.
--
-- KEYS 1 ready   2 scheduled   3 dead   4 holders   5 counts   6… active and batches of each known worker, at most 1,000
-- Returns {ready, scheduled, dead, workers, active, count names and numbers in turn}

local ready, scheduled, dead, holders, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local held = 0
for i = 6, #KEYS, 2 do
  held = held + redis.call('HLEN', KEYS[i])
  local states = redis.call('HGETALL', KEYS[i + 1])
  for at = 2, #states, 2 do held = held + read_batch(states[at]).left end
end
return {redis.call('LLEN', ready), redis.call('ZCARD', scheduled), redis.call('ZCARD', dead),
        redis.call('ZCARD', holders), held, redis.call('HGETALL', counts)}
