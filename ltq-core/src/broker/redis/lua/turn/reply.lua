-- What a turn is answered, in the order in which `calls/turn.rs` reads it.

-- 0: as asked · 1: the worker is not registered, or this server has lost turns of it, nothing was done · 2: older than the
-- last turn, nothing was done · 3: this queue needs the full script, nothing was done.
local AS_ASKED, LOST, TOO_OLD, USE_FULL = 0, 1, 2, 3

-- Recovery counts: of these payloads or, where there are only few notes, all of them.
local function recoveries_of(payloads)
  if noted == 0 then return {} end
  if noted <= FEW then return redis.call('HGETALL', notes) end
  local told = {}
  for first = 1, #payloads, CHUNK do
    local ids = {}
    for i = first, math.min(first + CHUNK - 1, #payloads) do ids[#ids + 1] = id_of(payloads[i]) or '' end
    for i, times in ipairs(redis.call('HMGET', notes, unpack(ids))) do
      if times then
        told[#told + 1] = ids[i]
        told[#told + 1] = times
      end
    end
  end
  return told
end

-- When the next scheduled message is due, from now; never negative, -1 for none.
local function until_due(first)
  if not first[2] then return -1 end
  return math.max(0, tonumber(first[2]) - now)
end

-- `left`: ready messages are left: 0 no · 1 yes · 2 yes, and the next turn may take them as a block. `indexes`: which of the
-- turn the payloads are, 2 bytes each, where some are missing. `block_size`, `head`: how many messages were taken as a block,
-- and the first element of its list; the messages follow there. `flagged`: the next turn needs the full script.
local function answer(status, first, left, refused, trimmed, payloads, indexes, block_size, head)
  return {status, now, until_due(first), left, refused, trimmed, payloads, indexes, recoveries_of(payloads), block_size, head,
          flagged}
end
local function nothing(status, refused)
  return {status, now, -1, 0, refused, 0, {}, '', {}, 0, '', flagged}
end

-- The outcome of a turn is kept, so that its repeat gets the same answer.
local function remember(status, refused, taken)
  local outcome = ':' .. status .. ':' .. int(refused) .. ':' .. int(counted.trimmed) .. ':' .. int(taken)
  redis.call('SET', turn, int(sequence) .. outcome, 'EX', memory_seconds)
end
