#[ltq::task]
async unsafe fn promising() {}

#[ltq::task(blocking)]
extern "C" fn foreign() {}

#[ltq::task(blocking)]
const fn early() {}

#[ltq::task(blocking)]
unsafe extern "C" fn variadic(first: u8, _: ...) {}

fn main() {}
