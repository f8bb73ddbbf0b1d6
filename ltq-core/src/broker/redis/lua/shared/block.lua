-- A block is what one turn took without a look at it: a list of `turn:time` and then the payloads. What of it is still held
-- stands apart, as `turn:how many:mask`, with a bit for each payload; no byte at the end of a mask is zero.

-- How many blocks one worker may hold.
local BLOCKS = 4

local function whole_block(turn, size)
  local rest = size % 8
  local mask = string.rep('\255', floor(size / 8)) .. (rest > 0 and char(2 ^ rest - 1) or '')
  return {turn = turn, left = size, mask = mask}
end

local function read_block(state)
  if not state then return nil end
  local _, last, number, left = string.find(state, '^(%d+):(%d+):')
  return {turn = tonumber(number), left = tonumber(left), mask = sub(state, last + 1)}
end

local function write_block(block)
  return int(block.turn) .. ':' .. int(block.left) .. ':' .. block.mask
end

-- Moves what is still held of a block into the hash of messages held one by one, under the same places. Where the server has
-- evicted the list, nothing is left to be moved, and nobody must be stuck with it.
local function unpack_block(block, list, blocks, field, active)
  local number, fields, filled = turn_bytes(block.turn), {}, 0
  -- Read in parts, because often few are left, side by side.
  for first = 0, #block.mask - 1, 16 do
    local part = sub(block.mask, first + 1, first + 16)
    local payloads = string.find(part, '%Z') and redis.call('LRANGE', list, 1 + 8 * first, 8 * first + 128) or {}
    each_bit(part, function(bit)
      if payloads[bit + 1] then
        fields[filled + 1] = number .. index_bytes(8 * first + bit)
        fields[filled + 2] = payloads[bit + 1]
        filled = filled + 2
      end
    end)
  end
  for first = 1, filled, CHUNK do
    redis.call('HSET', active, unpack(fields, first, math.min(first + CHUNK - 1, filled)))
  end
  redis.call('DEL', list)
  redis.call('HDEL', blocks, field)
end
