//! [`Settled`]: the settlements of a turn as its script reads them: by end, since each end has a part of its own.
//!
//! What is plainly done is one bit in a mask; any other is a place with its effects, and what its end needs.

use super::done_masks::DoneMasks;
use crate::broker::redis::link::value::{Value, count, millis};
use crate::broker::{Effect, End, Settlement};

/// The settlements of a turn, by end. The arguments of each stand in the order of the fields.
#[derive(Default)]
pub(crate) struct Settled {
    /// Done, without effects.
    pub(crate) done: DoneMasks,
    pub(crate) dones: Vec<[Value; 1]>,
    pub(crate) retries: Vec<[Value; 3]>,
    /// In the order of their places.
    pub(crate) returns: Vec<[Value; 2]>,
    pub(crate) deaths: Vec<[Value; 3]>,
}

impl Settled {
    pub(crate) fn sorted(settlements: &[Settlement]) -> Self {
        let mut settled = Self::default();
        let mut returns = Vec::new();
        for settlement in settlements {
            let Settlement { place, end, effects } = settlement;
            match end {
                End::Done if effects.is_empty() => settled.done.add(*place),
                End::Done => settled.dones.push([head(settlement)]),
                End::Retry { payload, delay } => {
                    let delay = Value::Integer(millis(*delay));
                    settled.retries.push([head(settlement), delay, Value::Bytes(payload.clone())]);
                }
                End::Return { payload } => returns.push((place, [head(settlement), Value::Bytes(payload.clone())])),
                End::Dead { letter } => {
                    settled.deaths.push([head(settlement), letter.id.into(), Value::Bytes(letter.encode())]);
                }
            }
        }
        returns.sort_by_key(|(place, _)| **place);
        settled.returns = returns.into_iter().map(|(_, args)| args).collect();
        settled
    }

    /// The arguments after the named ones.
    pub(crate) fn arguments(self) -> Vec<Value> {
        let Self { dones, retries, returns, deaths, .. } = self;
        let (dones, retries) = (dones.into_iter().flatten(), retries.into_iter().flatten());
        dones.chain(retries).chain(returns.into_iter().flatten()).chain(deaths.into_iter().flatten()).collect()
    }
}

/// A place, with the effects behind it: each a letter and 16 bytes.
fn head(settlement: &Settlement) -> Value {
    let mut head = settlement.place.to_bytes().to_vec();
    for effect in &settlement.effects {
        match effect {
            Effect::Forget(id) => {
                head.push(b'f');
                head.extend_from_slice(id.as_bytes());
            }
        }
    }
    Value::Bytes(head.into())
}

/// A number of things as an argument.
pub(crate) fn length(number: usize) -> Value {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}
