-- Retry: the message waits for its time as its new bytes.
local earliest_retry = nil
for _ = 1, retries do
  local place, effects = claim()
  if place then
    local due = now + ARGV[next_arg + 1]
    redis.call('ZADD', scheduled, int(due), ARGV[next_arg + 2])
    apply(effects)
    if not earliest_retry or due < earliest_retry then earliest_retry = due end
    counted.retried = counted.retried + 1
  end
  next_arg = next_arg + 3
end
