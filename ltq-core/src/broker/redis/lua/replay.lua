-- Turns a dead letter into a ready message.
--
-- KEYS 1 dead   2 letters   3 ready   4 wake
-- ARGV 1 id   2 payload
-- Returns 1 replayed, 0 there is no such dead letter: nothing was changed.
-- Safe to run twice: the second run finds no dead letter.

local dead, letters, ready, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

if redis.call('ZREM', dead, ARGV[1]) == 0 then return 0 end
redis.call('HDEL', letters, ARGV[1])
redis.call('RPUSH', ready, ARGV[2])
if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
return 1
