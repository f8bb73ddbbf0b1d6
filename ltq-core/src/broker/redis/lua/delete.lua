-- Deletes a dead letter.
--
-- KEYS 1 dead   2 letters
-- ARGV 1 id
-- Returns 1 deleted, 0 there is no such dead letter.
-- Safe to run twice.

local dead, letters = KEYS[1], KEYS[2]

redis.call('HDEL', letters, ARGV[1])
return redis.call('ZREM', dead, ARGV[1])
