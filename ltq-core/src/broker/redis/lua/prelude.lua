-- Put in front of every script, after a clock. Names no key: what a function touches is handed to it.

-- How many values one command gets at most; `unpack` fails above some thousands.
local CHUNK = 500
-- How many batches one worker may hold.
local BATCHES = 4

-- A whole number as text. Lua's own conversion writes large numbers as 1e+12.
local function int(number)
  return string.format('%.0f', number)
end

-- Called for every message: a local is found faster than a field of a global.
local byte, char, floor, sub = string.byte, string.char, math.floor, string.sub

-- The 16 bytes of the id at its fixed place in an envelope, or nil where the bytes are no envelope.
local function id_of(payload)
  if #payload < 20 then return nil end
  local array, version, binary, length = byte(payload, 1, 4)
  if array < 0x90 or array > 0x9f or version < 1 or version > 127 or binary ~= 0xc4 or length ~= 16 then return nil end
  return sub(payload, 5, 20)
end

-- A place in the hands of a worker: the turn that took the message as 6 bytes, big-endian, and which of those it took, from
-- 0, as 2.
local function turn_bytes(turn)
  return char(floor(turn / 1099511627776) % 256, floor(turn / 4294967296) % 256, floor(turn / 16777216) % 256,
              floor(turn / 65536) % 256, floor(turn / 256) % 256, turn % 256)
end
local function turn_of(bytes, at)
  local a, b, c, d, e, f = byte(bytes, at, at + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

-- A batch is what one turn took, as a list: `turn:time` of the turn, then the payloads. Which of them are still held stands
-- apart, as `turn:how many:mask`; in the mask, `nth` is bit `nth % 8` of byte `nth / 8`, and no byte at the end is zero.
local function whole_batch(turn, size)
  local rest = size % 8
  local mask = string.rep('\255', floor(size / 8)) .. (rest > 0 and char(2 ^ rest - 1) or '')
  return {turn = turn, left = size, mask = mask}
end
local function read_batch(state)
  if not state then return nil end
  local _, last, turn, left = string.find(state, '^(%d+):(%d+):')
  return {turn = tonumber(turn), left = tonumber(left), mask = sub(state, last + 1)}
end
local function write_batch(batch)
  return int(batch.turn) .. ':' .. int(batch.left) .. ':' .. batch.mask
end

-- Calls `see` with the number of each bit that is set.
local function each_bit(mask, see)
  for i = 1, #mask do
    local rest, nth = byte(mask, i), 8 * (i - 1)
    while rest > 0 do
      if rest % 2 == 1 then see(nth) end
      rest, nth = floor(rest / 2), nth + 1
    end
  end
end

-- Moves what is still held of a batch into the hash of messages held one by one, under the same places. Where the server has
-- evicted the list, nothing is left to be moved, and nobody must be stuck with it.
local function unpack_batch(batch, list, batches, slot, active)
  local turn, fields, filled = turn_bytes(batch.turn), {}, 0
  -- Read in parts, because often few are left, side by side.
  for first = 0, #batch.mask - 1, 16 do
    local part = sub(batch.mask, first + 1, first + 16)
    local payloads = string.find(part, '%Z') and redis.call('LRANGE', list, 1 + 8 * first, 8 * first + 128) or {}
    each_bit(part, function(bit)
      if payloads[bit + 1] then
        local nth = 8 * first + bit
        fields[filled + 1] = turn .. char(floor(nth / 256), nth % 256)
        fields[filled + 2] = payloads[bit + 1]
        filled = filled + 2
      end
    end)
  end
  for first = 1, filled, CHUNK do
    redis.call('HSET', active, unpack(fields, first, math.min(first + CHUNK - 1, filled)))
  end
  redis.call('DEL', list)
  redis.call('HDEL', batches, slot)
end
