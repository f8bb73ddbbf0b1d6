-- What a call that wants an answer for each entry is told: {as a call that wants none, the answers}. An answer is a byte, `n`
-- for new. The answers are kept with the number, so that a repeat gets the same ones.
local function repeated(answers) return {0, answers} end
local function full() return {-1, ''} end
local function stored()
  local answers = string.rep('n', kind == 'now' and #ARGV - FIRST_ARG + 1 or (#ARGV - FIRST_ARG + 1) / 2)
  redis.call('SET', producer, int(sequence) .. ':' .. answers, 'EX', memory_seconds)
  return {1, answers}
end
