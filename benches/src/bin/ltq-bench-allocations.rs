//! The same program with an allocator that counts. A program of its own, because counting takes time: rates are never
//! measured here, and allocations nowhere else.

use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: alloc_tracker::Allocator<System> = alloc_tracker::Allocator::system();

fn main() -> ExitCode {
    ltq_bench::main()
}
