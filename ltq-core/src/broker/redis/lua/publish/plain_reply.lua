-- What a call that wants no answers is told: 1 stored, 0 repeated, -1 so many messages wait already; the last two have changed
-- nothing.
local function repeated() return 0 end
local function full() return -1 end
local function stored()
  redis.call('SET', producer, int(sequence), 'EX', memory_seconds)
  return 1
end
