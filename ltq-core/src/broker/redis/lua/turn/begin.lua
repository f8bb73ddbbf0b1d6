-- One turn of a worker: settles what it finished, makes due messages ready, takes ready ones. The hot path.
--
-- `least`: as how many messages at least they are taken as a block, 0 for never. `done`: the messages that are done and have
-- no effects: for each turn that took some, its number (6 bytes), the length of a mask (1), and the mask. The arguments after
-- the named ones are the other settlements: `dones`, then `retries`, `returns` in the order of their places, and `deaths`;
-- each is a place (8 bytes) with its effects behind it, and then
--   done: nothing · retry: delay in ms, payload · return: payload · dead: id, record.
-- The keys after the named ones are the lists of the blocks, by the turn modulo their number.
--
-- Safe to run twice: a turn with the last sequence finds what the first run left and changes nothing.
-- No message is lost where a call is refused half-way: its new place is written before its old one is emptied, and what is
-- taken is recorded before it leaves the queue.
-- Loops are bounded by the arguments, the number wanted, four blocks of at most 1,000, and 500 expired dead letters.

sequence, want, least = tonumber(sequence), tonumber(want), tonumber(least)
dones, retries, returns, deaths = tonumber(dones), tonumber(retries), tonumber(returns), tonumber(deaths)

-- With more notes than this, each message is looked at when it is taken.
local FEW = 64

local now = now_in_ms()
-- Which of this worker's lists a block of this turn lies in.
local block_index = sequence % BLOCKS
local counted = {done = 0, retried = 0, returned = 0, dead = 0, refused = tonumber(discarded), trimmed = 0}
local noted = redis.call('HLEN', notes)
local registered = redis.call('ZSCORE', holders, worker)
