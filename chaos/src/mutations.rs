//! [`MUTATIONS`]: mistakes put into the real scripts on purpose, each with the invariant that must notice.
//!
//! The proxies put a mutated script in the place of the real one, so the programs are the same as ever. A script that has
//! changed so that a mutation no longer fits fails a test of this file, not silently.

use ltq_core::broker::redis::RedisBroker;

use crate::check::Invariant;

/// A mistake.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    /// What it does, for reports.
    pub(crate) what: &'static str,
    /// Which invariant must be found broken, whatever others are.
    pub(crate) breaks: Invariant,
    pub(crate) scenario: &'static str,
    edits: &'static [Edit],
}

/// A change of a script.
#[derive(Debug)]
struct Edit {
    script: Script,
    from: &'static str,
    to: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Publish,
    Turn,
    Renew,
    Recover,
}

impl Script {
    const ALL: [Self; 4] = [Self::Publish, Self::Turn, Self::Renew, Self::Recover];

    fn source(self) -> &'static str {
        let wanted = match self {
            Self::Publish => "publish",
            Self::Turn => "turn",
            Self::Renew => "renew",
            Self::Recover => "recover",
        };
        let found = RedisBroker::scripts_text().into_iter().find(|(name, _)| *name == wanted);
        found.map_or("", |(_, text)| text)
    }
}

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "acknowledge-before-run",
        what: "taking a message does not put it into the hands of the worker, so a killed worker takes it along",
        breaks: Invariant::Ended,
        scenario: "provoke",
        edits: &[Edit { script: Script::Turn, from: "    redis.call('HSET', active, unpack(fields))", to: "" }],
    },
    Mutation {
        name: "retry-without-release",
        what: "a retry is scheduled while the message stays in the hands of the worker",
        breaks: Invariant::Once,
        scenario: "provoke",
        edits: &[Edit {
            script: Script::Turn,
            from: "for _ = 1, retries do\n  local place, effects = claim()",
            to: "for _ = 1, retries do\n  local place, effects = sub(ARGV[next_arg], 1, 8), ''",
        }],
    },
    Mutation {
        name: "recover-the-living",
        what: "workers are recovered although their lease has not run out",
        breaks: Invariant::Again,
        scenario: "provoke",
        edits: &[
            Edit {
                script: Script::Renew,
                from: "redis.call('ZRANGEBYSCORE', holders, '-inf', int(now), 'LIMIT', 0, most + 1)",
                to: "redis.call('ZRANGEBYSCORE', holders, '-inf', '+inf', 'LIMIT', 0, most + 1)",
            },
            Edit {
                script: Script::Recover,
                from: "if not lease_end or tonumber(lease_end) > now_in_ms() then return {0, 0} end",
                to: "if not lease_end then return {0, 0} end",
            },
        ],
    },
    Mutation {
        name: "publish-every-repeat",
        what: "a repeated publish is not recognised",
        breaks: Invariant::Error,
        scenario: "provoke",
        edits: &[Edit { script: Script::Publish, from: "if number >= sequence then", to: "if false then" }],
    },
    Mutation {
        name: "producer-for-ever",
        what: "the number of a producer's last batch never expires",
        breaks: Invariant::Keys,
        scenario: "provoke",
        edits: &[Edit {
            script: Script::Publish,
            from: "redis.call('SET', producer, int(sequence), 'EX', memory_seconds)",
            to: "redis.call('SET', producer, int(sequence))",
        }],
    },
    Mutation {
        name: "dead-worker-stays",
        what: "a worker that was recovered, or has left, stays registered",
        breaks: Invariant::Keys,
        scenario: "provoke",
        edits: &[Edit { script: Script::Recover, from: "redis.call('ZREM', holders, worker)", to: "" }],
    },
    Mutation {
        name: "mute-after-repeat",
        what: "a worker whose turn was repeated is never given anything again",
        breaks: Invariant::Silent,
        scenario: "replies",
        edits: &[
            Edit {
                script: Script::Turn,
                from: "if sequence == last then",
                to: "if sequence == last then redis.call('HSET', counts, 'muted:' .. worker, '1')",
            },
            Edit {
                script: Script::Turn,
                from: "local payloads, block_size, head, left = {}, 0, '', nil",
                to: "local payloads, block_size, head, left = {}, 0, '', nil\nif redis.call('HEXISTS', counts, 'muted:' .. worker) == 1 then want = 0 end",
            },
        ],
    },
    Mutation {
        name: "no-fence",
        what: "a worker that lost its lease is not told, and its late failures are settled all the same",
        breaks: Invariant::Fence,
        scenario: "provoke",
        edits: &[
            Edit { script: Script::Renew, from: "return {held and 1 or 0, ", to: "return {1, " },
            Edit {
                script: Script::Turn,
                from: "if behind or (not registered and sequence ~= 1) then",
                to: "if false then",
            },
            Edit {
                script: Script::Turn,
                from: "for _ = 1, retries do\n  local place, effects = claim()",
                to: "for _ = 1, retries do\n  local place, effects = claim()\n  place, effects = place or '', effects or ''",
            },
            Edit {
                script: Script::Turn,
                from: "for _ = 1, deaths do\n  local place, effects = claim()",
                to: "for _ = 1, deaths do\n  local place, effects = claim()\n  place, effects = place or '', effects or ''",
            },
        ],
    },
];

impl Mutation {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        MUTATIONS.iter().find(|mutation| mutation.name == name)
    }

    /// Every script it changes: as it is, and as it shall be.
    pub(crate) fn scripts(&self) -> Vec<(&'static str, String)> {
        let changed = Script::ALL.into_iter().filter(|script| self.edits.iter().any(|edit| edit.script == *script));
        let mutate = |script: Script| {
            let mut source = script.source().to_owned();
            for Edit { from, to, .. } in self.edits.iter().filter(|edit| edit.script == script) {
                let found = source.matches(from).count();
                assert_eq!(found, 1, "{}: `{from}` must be in {script:?} once: adapt the mutation", self.name);
                source = source.replace(from, to);
            }
            (script.source(), source)
        };
        changed.map(mutate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn every_mutation_fits_the_scripts() {
        for mutation in MUTATIONS {
            assert!(mutation.scripts().iter().all(|(from, to)| from != to), "{}", mutation.name);
            assert!(Scenario::named(mutation.scenario).is_some(), "{}", mutation.name);
        }
    }

    #[test]
    fn every_invariant_has_a_mutation() {
        for invariant in Invariant::ALL {
            assert!(MUTATIONS.iter().any(|mutation| mutation.breaks == invariant), "{invariant}");
        }
    }
}
