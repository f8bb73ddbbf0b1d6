-- Stands before a script in tests. The server refuses commands and keys, so the last argument says which of the different
-- pairs of the two it refuses, in the order in which they are first called, 0 for none.
local REFUSED = tonumber(table.remove(ARGV))
local redis = (function(server)
  local seen, numbers = 0, {}
  local function counted(run)
    return function(...)
      local command, key = ...
      local pair = command .. ' ' .. (key or '')
      if not numbers[pair] then
        seen = seen + 1
        numbers[pair] = seen
      end
      if numbers[pair] == REFUSED then return run('NO.SUCH.COMMAND') end
      return run(...)
    end
  end
  return {call = counted(server.call), pcall = counted(server.pcall), error_reply = server.error_reply}
end)(redis)
