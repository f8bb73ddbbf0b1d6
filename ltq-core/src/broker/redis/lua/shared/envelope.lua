-- The 16 bytes of the id at its fixed place in an envelope, or nil where the bytes are no envelope.
local function id_of(payload)
  if #payload < 20 then return nil end
  local array, version, binary, length = string.byte(payload, 1, 4)
  if array < 0x90 or array > 0x9f or version < 1 or version > 127 or binary ~= 0xc4 or length ~= 16 then return nil end
  return string.sub(payload, 5, 20)
end
