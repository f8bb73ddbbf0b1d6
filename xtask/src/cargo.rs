//! Cargo, as the commands of this program call it.

use std::path::Path;
use std::process::Command;

/// The cargo that runs this program, so that `cargo +toolchain xtask …` uses that toolchain, in the folder `root`.
pub(crate) fn command(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set for this program; build scripts read variables of these names, and would run again after each switch between
    // `cargo xtask` and cargo by hand.
    let variables = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for name in variables.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    cargo.current_dir(root);
    cargo
}
