//! A program that sends until it is told to stop, and notes what it was told.

fn main() {
    ltq_chaos::producer();
}
