//! What a broker is asked for, one file a call: from the types of the contract to a script's arguments, and its reply back.

pub(crate) mod admin;
mod done_masks;
pub(crate) mod durable;
pub(crate) mod permissions;
pub(crate) mod publish;
pub(crate) mod records;
pub(crate) mod recover;
pub(crate) mod renew;
mod settled;
pub(crate) mod turn;
pub(crate) mod wait;
