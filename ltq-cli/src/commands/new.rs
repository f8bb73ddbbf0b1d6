//! `ltq new`: a crate with a task, a worker, a program that sends, and tests.
//!
//! cargo makes the package, so that names are checked, a workspace around it gets its member and git is set up as users
//! know it; only then are the sources replaced.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::args::NewArguments;
use crate::error::CliError;

const LIB: &str = include_str!("../../templates/lib.rs");
const SEND: &str = include_str!("../../templates/send.rs");
const TESTS: &str = include_str!("../../templates/tests.rs");
const TOKIO: &str = "tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }\n";

/// Makes the crate.
pub(super) fn new(arguments: &NewArguments) -> Result<(), CliError> {
    let folder = &arguments.folder;
    if folder.exists() {
        return Err(CliError::Exists { path: folder.clone() });
    }
    let ltq = dependency(arguments.ltq_path.as_deref())?;
    cargo_new(folder)?;

    let write = |path: &str, content: &str| {
        let path = folder.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.map_err(CliError::io(format!("write {}", path.display())))
    };
    let manifest = folder.join("Cargo.toml");
    let failed = CliError::io(format!("read {}", manifest.display()));
    let manifest = fs::read_to_string(&manifest).map_err(failed)?;
    write("Cargo.toml", &with_dependencies(&manifest, &format!("{ltq}{TOKIO}")))?;

    // cargo has checked that it is a name.
    let package = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let krate = package.replace('-', "_");
    let fill = |template: &str| template.replace("{crate}", &krate).replace("{queue}", &package);
    write("src/lib.rs", &fill(LIB))?;
    write("src/bin/send.rs", &fill(SEND))?;
    write("tests/greet.rs", &fill(TESTS))?;

    let run = format!("ltq dev {krate}::worker");
    let steps = [
        ("cargo test", "test it, without a server"),
        (run.as_str(), "run it while you change it"),
        ("cargo run --bin send -- Ada", "send it something; ltq dev says where to"),
    ];
    eprintln!("\nNext, in {}:", folder.display());
    for (command, what) in steps {
        eprintln!("  {command:<32}  {what}");
    }
    Ok(())
}

/// The line of the manifest that names `ltq`.
fn dependency(path: Option<&Path>) -> Result<String, CliError> {
    let Some(path) = path else {
        // This command and the library have one version.
        return Ok(format!("ltq = \"{}\"\n", env!("CARGO_PKG_VERSION")));
    };
    let no_ltq = || CliError::NoLtq { path: path.to_owned() };
    let manifest = fs::read_to_string(path.join("Cargo.toml")).map_err(|_| no_ltq())?;
    let manifest: toml::Table = toml::from_str(&manifest).map_err(|_| no_ltq())?;
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    if name != Some("ltq") {
        return Err(no_ltq());
    }
    let path = path.canonicalize().map_err(CliError::io(format!("find {}", path.display())))?;
    let path = toml::Value::from(path.to_string_lossy().into_owned());
    Ok(format!("ltq = {{ path = {path} }}\n"))
}

fn cargo_new(folder: &Path) -> Result<(), CliError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["new", "--lib", "--"])
        .arg(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(CliError::io("start cargo"))?;
    if status.success() { Ok(()) } else { Err(CliError::CargoNew) }
}

/// The manifest with these lines as its first dependencies.
fn with_dependencies(manifest: &str, lines: &str) -> String {
    const SECTION: &str = "[dependencies]\n";
    match manifest.split_once(SECTION) {
        Some((before, after)) => format!("{before}{SECTION}{lines}{after}"),
        None => format!("{manifest}\n{SECTION}{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_added_to_the_section_that_is_there() {
        let manifest = "[package]\nname = \"a\"\n\n[dependencies]\n\n[lints]\nworkspace = true\n";
        let expected = "[package]\nname = \"a\"\n\n[dependencies]\nltq = \"1\"\n\n[lints]\nworkspace = true\n";
        assert_eq!(with_dependencies(manifest, "ltq = \"1\"\n"), expected);
        assert_eq!(with_dependencies("[package]\n", "ltq = \"1\"\n"), "[package]\n\n[dependencies]\nltq = \"1\"\n");
    }
}
