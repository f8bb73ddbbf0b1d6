-- What this worker holds: in its blocks, and in its hash. Each settlement counts only if its place is still there.
local held, changed = {}, {}
local states = redis.call('HMGET', blocks, 0, 1, 2, 3)
for i = 0, BLOCKS - 1 do held[i] = read_block(states[i + 1]) end
if held[block_index] and held[block_index].turn == sequence then
  -- A first run of this turn was refused half-way. What it copied is on the queue still.
  redis.call('DEL', KEYS[FIRST_KEY + block_index])
  redis.call('HDEL', blocks, block_index)
  held[block_index] = nil
end

local function block_of(number)
  local block = held[number % BLOCKS]
  if block and block.turn == number then
    changed[number % BLOCKS] = true
    return block
  end
end

local refused = 0
-- Places in the hash that the end of this turn empties, and the same as a set where one could be named twice.
local emptied, claimed = {}, {}
local next_arg = FIRST_ARG

-- Claims the message of the next settlement: returns its place and its effects, or nothing where it is not this worker's.
local function claim()
  local place, effects = sub(ARGV[next_arg], 1, 8), sub(ARGV[next_arg], 9)
  local block = block_of(turn_of(place, 1))
  if not block then
    if not claimed[place] and redis.call('HEXISTS', active, place) == 1 then
      claimed[place] = true
      emptied[#emptied + 1] = place
      return place, effects
    end
  else
    local index = byte(place, 7) * 256 + byte(place, 8)
    local i = floor(index / 8) + 1
    local there = byte(block.mask, i) or 0
    if floor(there / 2 ^ (index % 8)) % 2 == 1 then
      local rest = there - 2 ^ (index % 8)
      block.left = block.left - 1
      block.mask = sub(block.mask, 1, i - 1) .. char(rest) .. sub(block.mask, i + 1)
      if rest == 0 and i == #block.mask then block.mask = string.match(block.mask, '^(.-)%z*$') end
      return place, effects
    end
  end
  refused = refused + 1
end
