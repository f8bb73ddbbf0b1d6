//! Programs that the tests need and a fresh machine may lack, installed by the system's package manager.
//!
//! The managers are asked in a fixed order, and the first that is there is used: a machine with two of them has one that
//! belongs to its system, and that one is named first.

use std::path::PathBuf;
use std::process::Command;

/// What could not be installed, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    /// Nothing here can install it.
    #[error(
        "{what} is missing, and none of the package managers known here is on the PATH \
         (apt-get, dnf, apk, pacman, brew): install it, then run this again"
    )]
    NoManager { what: &'static str },
    /// Installing needs rights this user does not have.
    #[error(
        "{what} is missing, and `{command}` needs root: there is no `sudo`; run the command as root, then run this again"
    )]
    NoRights { what: &'static str, command: String },
    /// The package manager said no.
    #[error("{what} is missing, and `{command}` failed ({why}); if it cannot be made to work, install it by hand")]
    Failed { what: &'static str, command: String, why: String },
}

/// Something to install, under the name that each package manager has for it.
pub(crate) struct Package {
    /// What is missing, as the reader is told.
    pub(crate) what: &'static str,
    pub(crate) apt: &'static str,
    pub(crate) dnf: &'static str,
    pub(crate) apk: &'static str,
    pub(crate) pacman: &'static str,
    pub(crate) brew: &'static str,
}

struct Manager {
    name: &'static str,
    root: bool,
    /// Comes first; one that fails is passed over, since a list that cannot be refreshed may still be good enough.
    refresh: Option<&'static [&'static str]>,
    /// The name of the package follows.
    install: &'static [&'static str],
    package: fn(&Package) -> &'static str,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        name: "apt-get",
        root: true,
        refresh: Some(&["apt-get", "update"]),
        install: &["apt-get", "install", "--yes", "--no-install-recommends"],
        package: |package| package.apt,
    },
    Manager {
        name: "dnf",
        root: true,
        refresh: None,
        install: &["dnf", "install", "--assumeyes"],
        package: |package| package.dnf,
    },
    Manager {
        name: "apk",
        root: true,
        refresh: None,
        install: &["apk", "add", "--no-cache"],
        package: |package| package.apk,
    },
    Manager {
        name: "pacman",
        root: true,
        refresh: None,
        install: &["pacman", "-Sy", "--noconfirm", "--needed"],
        package: |package| package.pacman,
    },
    Manager {
        name: "brew",
        root: false,
        refresh: None,
        install: &["brew", "install"],
        package: |package| package.brew,
    },
];

/// Installs a package. Returns the name of the package manager.
pub(crate) fn install(package: &Package) -> Result<&'static str, PackageError> {
    let what = package.what;
    let manager =
        MANAGERS.iter().find(|manager| find(manager.name).is_some()).ok_or(PackageError::NoManager { what })?;
    eprintln!("{what} is missing: installing it with {}", manager.name);
    if let Some(refresh) = manager.refresh
        && let Err(error) = run(what, refresh, manager.root)
    {
        eprintln!("going on in spite of: {error}");
    }
    let command: Vec<&str> = manager.install.iter().copied().chain([(manager.package)(package)]).collect();
    run(what, &command, manager.root)?;
    Ok(manager.name)
}

/// The first program of that name on the PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn run(what: &'static str, command: &[&str], needs_root: bool) -> Result<(), PackageError> {
    let mut words: Vec<&str> = Vec::new();
    if needs_root && !is_root() {
        if find("sudo").is_none() {
            return Err(PackageError::NoRights { what, command: command.join(" ") });
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
        Ok(status) => Err(PackageError::Failed { what, command: shown, why: status.to_string() }),
        Err(error) => Err(PackageError::Failed { what, command: shown, why: error.to_string() }),
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
