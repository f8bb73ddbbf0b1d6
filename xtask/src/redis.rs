//! Sees to it that there is a `redis-server` for the tests, which start and stop servers of their own.
//!
//! Only the program is needed, no running service. Where it is missing, the system's package manager installs it, so
//! that the tests run on a fresh machine with one command.

use std::path::PathBuf;

use crate::packages::{self, Package, PackageError};

/// No Redis, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisError {
    /// It cannot be installed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It is installed somewhere else.
    #[error("`{manager}` has installed Redis, but `redis-server` is still not on the PATH: add its folder to the PATH")]
    NotOnPath { manager: &'static str },
}

const REDIS: Package = Package {
    what: "`redis-server`",
    apt: "redis-server",
    dnf: "/usr/bin/redis-server",
    apk: "redis",
    pacman: "redis",
    brew: "redis",
};

/// Finds `redis-server`, or installs it.
pub(crate) fn ensure() -> Result<PathBuf, RedisError> {
    if let Some(found) = packages::find("redis-server") {
        return Ok(found);
    }
    let manager = packages::install(&REDIS)?;
    packages::find("redis-server").ok_or(RedisError::NotOnPath { manager })
}
