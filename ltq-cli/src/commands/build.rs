//! `ltq build`: a program of its own that runs what `ltq run` with the same paths would.
//!
//! It is asked once whether its paths lead anywhere, since nobody should learn that from a container that does not start.

use std::fs;

use crate::args::BuildArguments;
use crate::error::CliError;
use crate::run::{self, Paths, Profile};

/// Builds the program and puts it where it is wanted.
pub(super) fn build(arguments: &BuildArguments) -> Result<(), CliError> {
    let project = run::resolve(&arguments.paths, &arguments.project).map_err(run::RunError::from)?;
    let profile = Profile { release: !arguments.debug, target: arguments.target.as_deref() };
    let program = run::make(&project, Paths::Fixed, profile)?;
    if arguments.target.is_none() {
        super::tasks::ask(&mut std::process::Command::new(&program), &project.paths)?;
    }
    let output = &arguments.output;
    let failed = || CliError::io(format!("write {}", output.display()));
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed())?;
    }
    // Written beside it and moved: the program that is there may be running.
    let draft = output.with_extension(format!("draft-{}", std::process::id()));
    let moved = fs::copy(&program, &draft).and_then(|_| fs::rename(&draft, output));
    moved
        .inspect_err(|_| {
            // Nothing is left to do where not even this works.
            let _ = fs::remove_file(&draft);
        })
        .map_err(failed())?;
    eprintln!("Built {}", output.display());
    Ok(())
}
