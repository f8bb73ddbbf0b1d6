-- Every message has its new place: the old ones are emptied.
for first = 1, #finished, CHUNK do
  local last = math.min(first + CHUNK - 1, #finished)
  local removed = redis.call('HDEL', active, unpack(finished, first, last))
  counted.done = counted.done + removed
  refused = refused + last - first + 1 - removed
end
for first = 1, #emptied, CHUNK do
  redis.call('HDEL', active, unpack(emptied, first, math.min(first + CHUNK - 1, #emptied)))
end
counted.refused = counted.refused + refused

for i = 0, BLOCKS - 1 do
  local block, list = held[i], KEYS[FIRST_KEY + i]
  if block and block.left == 0 then
    redis.call('DEL', list)
    redis.call('HDEL', blocks, i)
    held[i] = nil
  elseif block and sequence - block.turn >= BLOCKS and 4 * block.left < redis.call('LLEN', list) then
    -- Few that take long must not keep the memory of the many that are done.
    unpack_block(block, list, blocks, i, active)
    held[i] = nil
  elseif changed[i] then
    redis.call('HSET', blocks, i, write_block(block))
  end
end
