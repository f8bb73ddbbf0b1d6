-- Turns a dead letter into a ready message.
-- Returns 1 replayed, 0 there is no such dead letter: nothing was changed.
-- Safe to run twice: the second run finds no dead letter.

-- These change nothing, and are refused where the removals below would be: a message must not be in two places.
redis.call('ZREM', dead, '')
redis.call('HDEL', letters, '')
if redis.call('HEXISTS', letters, id) == 0 then return 0 end
redis.call('RPUSH', ready, payload)
redis.call('HDEL', letters, id)
redis.call('ZREM', dead, id)
push_token()
return 1
