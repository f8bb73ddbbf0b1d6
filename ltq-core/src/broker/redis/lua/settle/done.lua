-- Done: the message is removed.

local function ones(number)
  local found = 0
  while number > 0 do
    found, number = found + number % 2, floor(number / 2)
  end
  return found
end

local function done_in_block(block, mask)
  if mask == block.mask then
    counted.done = counted.done + block.left
    block.left, block.mask = 0, ''
    return
  end
  local kept, last = {}, 0
  for i = 1, math.max(#mask, #block.mask) do
    local asked, there = byte(mask, i) or 0, byte(block.mask, i) or 0
    local accepted = asked == 0 and 0 or bit.band(asked, there)
    if asked > 0 then
      local number = accepted == 255 and 8 or ones(accepted)
      counted.done, block.left = counted.done + number, block.left - number
      if accepted ~= asked then refused = refused + ones(asked) - number end
    end
    kept[i] = there - accepted
    if kept[i] > 0 then last = i end
  end
  block.mask = char(unpack(kept, 1, last))
end

-- Places in the hash whose messages are done. They are told apart from the others by their removal.
local finished = {}
do
  local others = dones + retries + returns + deaths > 0
  local at = 1
  while at <= #done do
    local length = byte(done, at + 6)
    local mask = sub(done, at + 7, at + 6 + length)
    local block = block_of(turn_of(done, at))
    if block then
      done_in_block(block, mask)
    else
      local number = sub(done, at, at + 5)
      each_bit(mask, function(index)
        local place = number .. index_bytes(index)
        finished[#finished + 1] = place
        if others then claimed[place] = true end
      end)
    end
    at = at + 7 + length
  end
end

for _ = 1, dones do
  local place, effects = claim()
  if place then
    apply(effects)
    counted.done = counted.done + 1
  end
  next_arg = next_arg + 1
end
