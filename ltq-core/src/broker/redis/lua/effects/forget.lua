-- Effect `f`: the note of an id is forgotten, because its message has ended.
local function forget(id)
  redis.call('HDEL', notes, id)
end
