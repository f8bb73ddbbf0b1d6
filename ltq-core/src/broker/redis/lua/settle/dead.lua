-- Dead: a letter is kept. No letter takes the place of another that has its id: it gets one made of the first half of its id
-- and its place.
for _ = 1, deaths do
  local place, effects = claim()
  if place then
    local id = ARGV[next_arg + 1]
    if redis.call('HEXISTS', letters, id) == 1 then
      id = sub(id, 1, 8) .. place
    end
    -- The letter comes last: where its time is refused, a repeat must not find it.
    redis.call('ZADD', dead, int(now), id)
    redis.call('HSET', letters, id, ARGV[next_arg + 2])
    apply(effects)
    counted.dead = counted.dead + 1
  end
  next_arg = next_arg + 3
end
