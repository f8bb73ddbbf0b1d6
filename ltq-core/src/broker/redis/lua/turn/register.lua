-- Turn 1 registers; a later one of a worker that is gone changes nothing but the count of refusals. The messages of a worker
-- that is to start anew are free for others at once.
if behind then redis.call('ZADD', holders, int(now), worker) end
if behind or (not registered and sequence ~= 1) then
  local refused = dones + retries + returns + deaths
  local at = 1
  while at <= #done do
    local length = byte(done, at + 6)
    each_bit(sub(done, at + 7, at + 6 + length), function() refused = refused + 1 end)
    at = at + 7 + length
  end
  remember(LOST, refused, 0)
  count('refused', counted.refused + refused)
  return nothing(LOST, refused)
end
if flagged == 1 and not FULL then
  remember(USE_FULL, 0, 0)
  return nothing(USE_FULL, 0)
end
if not registered then
  local wrong = wrong_type()
  if wrong then return wrong end
end
redis.call('ZADD', holders, int(now + lease_ms), worker)
