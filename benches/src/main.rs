//! The program of `cargo xtask bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ltq_bench::main()
}
