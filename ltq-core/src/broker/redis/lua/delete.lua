-- Deletes a dead letter.
-- Returns 1 deleted, 0 there is no such dead letter.
-- Safe to run twice.

-- Changes nothing, and is refused where the removal below would be: a letter must not be left half.
redis.call('ZREM', dead, '')
redis.call('HDEL', letters, id)
return redis.call('ZREM', dead, id)
