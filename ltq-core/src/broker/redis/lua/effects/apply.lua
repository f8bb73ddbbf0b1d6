-- What else happens when a message leaves these hands: effects, each a letter and the 16 bytes of an id.
local function apply(effects)
  for at = 1, #effects, 17 do
    if sub(effects, at, at) == 'f' then forget(sub(effects, at + 1, at + 16)) end
  end
end
