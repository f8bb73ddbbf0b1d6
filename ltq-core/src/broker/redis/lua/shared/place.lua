-- A place in the hands of a worker: the turn that took the message as 6 bytes, big-endian, and its index among what that
-- turn took, from 0, as 2.

-- Called for every message: a local is found faster than a field of a global.
local byte, char, floor, sub = string.byte, string.char, math.floor, string.sub

local function turn_bytes(turn)
  return char(floor(turn / 1099511627776) % 256, floor(turn / 4294967296) % 256, floor(turn / 16777216) % 256,
              floor(turn / 65536) % 256, floor(turn / 256) % 256, turn % 256)
end

-- The number whose bytes begin at `at`.
local function turn_of(bytes, at)
  local a, b, c, d, e, f = byte(bytes, at, at + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

local function index_bytes(index)
  return char(floor(index / 256), index % 256)
end

-- Calls `see` with the index of each bit that is set. Index `i` is bit `i % 8`, the lowest first, of byte `i / 8`.
local function each_bit(mask, see)
  for i = 1, #mask do
    local rest, index = byte(mask, i), 8 * (i - 1)
    while rest > 0 do
      if rest % 2 == 1 then see(index) end
      rest, index = floor(rest / 2), index + 1
    end
  end
end
