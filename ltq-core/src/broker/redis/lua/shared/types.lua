-- An error where a key of this script holds another type than LTQ gives it, so that nothing is changed where something
-- further on would be refused. `KEY_TYPES` is made from the same table as the names of the keys.
local function wrong_type()
  local i = 0
  for name, type in string.gmatch(KEY_TYPES, '(%S+)=(%S+)') do
    i = i + 1
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= 'none' and found ~= type then
      return redis.error_reply('WRONGTYPE the key of `' .. name .. '` is a ' .. found .. ', LTQ keeps a ' .. type .. ' there')
    end
  end
end
