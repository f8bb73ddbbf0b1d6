//! `ltq completions` and `ltq man`: made from the same description as `--help`.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::error::CliError;
use crate::output;

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ltq", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end()).map_err(CliError::io("print"))
}

/// Writes a page per command: `ltq.1`, `ltq-run.1` and so on.
pub(super) fn man(folder: &Path) -> Result<(), CliError> {
    let failed =
        |source: io::Error| CliError::Io { what: format!("write manual pages to {}", folder.display()), source };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)
}
