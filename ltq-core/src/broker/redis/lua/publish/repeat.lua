-- Puts entries on a queue: all of them, or nothing if they are there already.
-- The arguments after the named ones are the entries: with `kind` now, one payload each, all ready at once; with `mixed`,
-- pairs of when and payload, where when is empty (ready at once), `+ms` (from now) or `@ms` (Unix epoch).
-- Safe to run twice: the second run sees the number of the first. Loops are bounded by the number of arguments.

sequence, most = tonumber(sequence), tonumber(most)

-- The number of the last call, and what it was answered if it asked for answers.
local last = redis.call('GET', producer)
if last then
  local number, answers = tonumber(last), ''
  if not number then
    number, answers = string.match(last, '^(%d+):(.*)$')
    number = tonumber(number)
  end
  if number >= sequence then
    -- A write of its own, so that whoever waits for replicas after this call waits for the first run's writes too.
    redis.call('EXPIRE', producer, memory_seconds)
    return repeated(answers)
  end
end
if most >= 0 and redis.call('LLEN', ready) + redis.call('ZCARD', scheduled) >= most then return full() end
if not last then
  -- The first call proves that everything below can be done. A number that could not be kept would be found out too late,
  -- and each repeat would enqueue once more.
  local wrong = wrong_type()
  if wrong then return wrong end
  redis.call('SET', producer, int(sequence - 1), 'EX', memory_seconds)
end
