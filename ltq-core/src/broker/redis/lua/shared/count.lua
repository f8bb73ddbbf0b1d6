-- Adds to the numbers of the queue. Statistics: where the server refuses them, the messages have moved all the same.
local function count(what, times)
  if times > 0 then redis.pcall('HINCRBY', counts, what, int(times)) end
end
