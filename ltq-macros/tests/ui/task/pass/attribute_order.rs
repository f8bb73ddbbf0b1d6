//! Other attributes of functions, above and below: those of the function are the function's.
#![deny(warnings)]

#[must_use]
#[inline]
#[ltq::task]
#[allow(clippy::too_many_arguments)]
pub async fn below(id: u64) -> u64 {
    id
}

#[ltq::task(blocking)]
#[inline(never)]
#[cfg_attr(all(), must_use)]
#[track_caller]
pub fn above(id: u64) -> u64 {
    id
}

fn main() {
    let _ = (below.message(1), above.message(1), below(1), above(1));
}
