-- A turn that was made already, one that needs the full script, or one whose predecessor this server has never seen: it lost
-- the data (a replica took over that was behind), so what the worker believes to hold and what stands here are not the same
-- any more.

local behind = false
local record = redis.call('GET', turn)
if record then
  local _, _, last, status, refused, trimmed, taken = string.find(record, '^(%d+):(%d):(%d+):(%d+):(%d+)$')
  last, status, refused = tonumber(last), tonumber(status), tonumber(refused)
  if sequence < last then return nothing(TOO_OLD, 0) end
  if status == USE_FULL then
    -- Later numbers of the plain script wait until the full one has made this turn.
    if not FULL then return nothing(USE_FULL, 0) end
    behind = registered and sequence > last
  elseif sequence == last then
    if status == LOST or not registered then return nothing(LOST, refused) end
    -- Of what it took, whoever recovers this worker may have some already.
    local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
    local ready_left = redis.call('EXISTS', ready)
    local block, list = read_block(redis.call('HGET', blocks, block_index)), KEYS[FIRST_KEY + block_index]
    if block and block.turn == sequence and redis.call('LLEN', list) == block.left + 1 then
      local head = redis.call('LINDEX', list, 0)
      return answer(AS_ASKED, first, ready_left, refused, tonumber(trimmed), {}, '', block.left, head)
    end
    local this, payloads, indexes = turn_bytes(sequence), {}, {}
    for from = 0, tonumber(taken) - 1, CHUNK do
      local wanted = {}
      for index = from, math.min(from + CHUNK, tonumber(taken)) - 1 do wanted[#wanted + 1] = this .. index_bytes(index) end
      for i, payload in ipairs(redis.call('HMGET', active, unpack(wanted))) do
        if payload then
          payloads[#payloads + 1] = payload
          indexes[#indexes + 1] = sub(wanted[i], 7, 8)
        end
      end
    end
    return answer(AS_ASKED, first, ready_left, refused, tonumber(trimmed), payloads, table.concat(indexes), 0, '')
  else
    behind = registered and (status == LOST or sequence > last + 1)
  end
end
-- At `maxmemory` a server refuses writes that may need memory, unless the script has made another write before. What
-- workers say makes room and must get through, so a write that changes nothing comes first.
redis.call('ZREM', holders, '')
