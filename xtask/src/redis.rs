//! Sees to it that there is a `redis-server` for the tests, which start and stop servers of their own.
//!
//! Only the program is needed, no running service. Where it is missing, the system's package manager installs it, so
//! that the tests run on a fresh machine with one command.

use std::path::PathBuf;
use std::process::Command;

/// No Redis, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisError {
    /// Nothing here can install it.
    #[error(
        "`redis-server` is not on the PATH, and none of the package managers known here is either \
         (apt-get, dnf, apk, pacman, brew): install Redis, then run this again"
    )]
    NoPackageManager,
    /// Installing needs rights this user does not have.
    #[error(
        "`redis-server` is not on the PATH, and `{command}` needs root: there is no `sudo`; run the command as root, \
         then run this again"
    )]
    NoRights { command: String },
    /// The package manager said no.
    #[error("`{command}` failed ({why}); if it cannot be made to work, install Redis by hand")]
    Install { command: String, why: String },
    /// It is installed somewhere else.
    #[error("`{manager}` has installed Redis, but `redis-server` is still not on the PATH: add its folder to the PATH")]
    NotOnPath { manager: &'static str },
}

/// A package manager: its name, whether it needs root, and its commands, of which the last one decides: a package list
/// that cannot be refreshed may still be good enough.
struct Manager {
    name: &'static str,
    root: bool,
    commands: &'static [&'static [&'static str]],
}

const MANAGERS: [Manager; 5] = [
    Manager {
        name: "apt-get",
        root: true,
        commands: &[
            &["apt-get", "update"],
            &["apt-get", "install", "--yes", "--no-install-recommends", "redis-server"],
        ],
    },
    Manager { name: "dnf", root: true, commands: &[&["dnf", "install", "--assumeyes", "/usr/bin/redis-server"]] },
    Manager { name: "apk", root: true, commands: &[&["apk", "add", "--no-cache", "redis"]] },
    Manager { name: "pacman", root: true, commands: &[&["pacman", "-Sy", "--noconfirm", "--needed", "redis"]] },
    Manager { name: "brew", root: false, commands: &[&["brew", "install", "redis"]] },
];

/// Finds `redis-server`, or installs it.
pub(crate) fn ensure() -> Result<PathBuf, RedisError> {
    if let Some(found) = find("redis-server") {
        return Ok(found);
    }
    let manager = MANAGERS.iter().find(|manager| find(manager.name).is_some()).ok_or(RedisError::NoPackageManager)?;
    eprintln!("`redis-server` is not on the PATH: installing it with {}", manager.name);
    if let Some((install, before)) = manager.commands.split_last() {
        for command in before {
            if let Err(error) = run(command, manager.root) {
                eprintln!("going on in spite of: {error}");
            }
        }
        run(install, manager.root)?;
    }
    find("redis-server").ok_or(RedisError::NotOnPath { manager: manager.name })
}

/// The first program of that name on the PATH.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn run(command: &[&str], needs_root: bool) -> Result<(), RedisError> {
    let mut words: Vec<&str> = Vec::new();
    if needs_root && !is_root() {
        if find("sudo").is_none() {
            return Err(RedisError::NoRights { command: command.join(" ") });
        }
        words.push("sudo");
    }
    // Through `env`, because sudo does not hand the environment on.
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    words.extend(command);
    let shown = words.join(" ");
    eprintln!("{shown}");
    match Command::new(words[0]).args(&words[1..]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(RedisError::Install { command: shown, why: status.to_string() }),
        Err(error) => Err(RedisError::Install { command: shown, why: error.to_string() }),
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
