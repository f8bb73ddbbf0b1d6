-- Put in front of every script, after a clock. Holds no call that names a key.

-- How many values one command gets at most; `unpack` fails above some thousands.
local CHUNK = 500

-- A whole number as text. Lua's own conversion writes large numbers as 1e+12.
local function int(number)
  return string.format('%.0f', number)
end

-- Called for every message: a local is found faster than a field of a global.
local byte, sub = string.byte, string.sub

-- The 16 bytes of the id at its fixed place in an envelope, or nil where the bytes are no envelope.
local function id_of(payload)
  if #payload < 20 then return nil end
  local array, version, binary, length = byte(payload, 1, 4)
  if array < 0x90 or array > 0x9f or version < 1 or version > 127 or binary ~= 0xc4 or length ~= 16 then return nil end
  return sub(payload, 5, 20)
end
