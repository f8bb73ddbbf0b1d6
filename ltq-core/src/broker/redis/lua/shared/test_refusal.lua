-- Stands before a script in tests: the last argument says which of its calls the server refuses, 0 for none.
local REFUSED = tonumber(table.remove(ARGV))
local redis = (function(server)
  local calls = 0
  local function counted(run)
    return function(...)
      calls = calls + 1
      if calls == REFUSED then return run('NO.SUCH.COMMAND') end
      return run(...)
    end
  end
  return {call = counted(server.call), pcall = counted(server.pcall), error_reply = server.error_reply}
end)(redis)
