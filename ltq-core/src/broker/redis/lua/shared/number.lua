-- How many values one command gets at most; `unpack` fails above some thousands.
local CHUNK = 500

-- A whole number as text. Lua's own conversion writes large numbers as 1e+12.
local function int(number)
  return string.format('%.0f', number)
end
