-- Takes: many as a block, which moves them without a look at any; else one by one. Either copies the head of the queue into
-- these hands; `finish.lua` cuts it off when that is recorded.
local payloads, block_size, head, left = {}, 0, '', nil

-- Of a constant pattern, `SORT` copies a range of a list as it is. Where many of the last block in this list are held still,
-- tasks take long, and moving these on would cost more than the block saves.
if least > 0 and not held[block_index] and noted <= FEW then
  local waiting = redis.call('LLEN', ready)
  if math.min(want, waiting) >= least then
    local list = KEYS[FIRST_KEY + block_index]
    local copied = redis.pcall('SORT', ready, 'BY', 'nosort', 'LIMIT', 0, want, 'STORE', list)
    -- A server that does not permit it is served one by one.
    if type(copied) == 'number' then
      block_size, head = copied, int(sequence) .. ':' .. int(now)
      redis.call('LPUSH', list, head)
      redis.call('HSET', blocks, block_index, write_block(whole_block(sequence, block_size)))
      left = waiting > block_size and 1 or 0
    end
  end
end
if want > 0 and block_size == 0 then
  payloads = redis.call('LRANGE', ready, 0, want - 1)
  if #payloads < want then left = 0 end
  local this = turn_bytes(sequence)
  for first = 1, #payloads, CHUNK / 2 do
    local fields, filled = {}, 0
    for i = first, math.min(first + CHUNK / 2 - 1, #payloads) do
      fields[filled + 1] = this .. index_bytes(i - 1)
      fields[filled + 2] = payloads[i]
      filled = filled + 2
    end
    redis.call('HSET', active, unpack(fields))
  end
end
local taken = block_size + #payloads
