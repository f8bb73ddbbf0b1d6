-- Return: the message is at the head again, unfinished. Pushed to the head, the last has to go first.
local handed_back = {}
for _ = 1, returns do
  local place, effects = claim()
  if place then
    apply(effects)
    table.insert(handed_back, 1, ARGV[next_arg + 1])
  end
  next_arg = next_arg + 2
end
for first = 1, #handed_back, CHUNK do
  redis.call('LPUSH', ready, unpack(handed_back, first, math.min(first + CHUNK - 1, #handed_back)))
end
counted.returned = #handed_back
