//! What a user of the server has to be granted, for the error about one that lacks some. The same as in
//! `docs/deployment.md`, which a test holds to what the commands need.

use super::keys::PATTERNS;

const COMMANDS: &str = "+eval +evalsha +blpop +del +exists +expire +get +hdel +hexists +hget +hgetall +hincrby +hkeys +hlen \
                        +hmget +hscan +hset +lindex +llen +lpush +lrange +ltrim +rpush +sadd +set +smembers +sort +time +type +zadd \
                        +zcard +zrange +zrangebyscore +zrem +zremrangebyrank +zrevrange +zscore +ping +info +select \
                        +role +cluster|slots";

/// Keys and commands, as `ACL SETUSER` takes them.
pub(super) fn all() -> String {
    format!("{PATTERNS} {COMMANDS}")
}
