//! The driver and the checker: `cargo xtask chaos`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ltq_chaos::main()
}
