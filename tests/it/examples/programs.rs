//! The programs under test: built once with cargo, in the folder this test was built in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use ltq_tests::program::{Program, Stream};

/// How long a program may take that builds something first; generous, because it only bounds a failing test.
pub(crate) const BUILDING: Duration = Duration::from_secs(1_200);

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The target folder.
    pub(crate) target: PathBuf,
    pub(crate) ltq: PathBuf,
    pub(crate) quickstart: PathBuf,
    pub(crate) github: PathBuf,
}

impl Programs {
    /// The program of an example.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Builds the programs, once per run of the tests. cargo tells only tests of the same package where a program is.
pub(crate) fn build() -> &'static Programs {
    static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
        // The folder above the one for temporary files.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
        cargo_build(root(), &target, &["--bins", "--package", "ltq-cli", "--package", "examples"]);
        let program = |name: &str| target.join("debug").join(name);
        Programs { ltq: program("ltq"), quickstart: program("quickstart"), github: program("github"), target }
    });
    &PROGRAMS
}

/// Runs `cargo build` in `folder`.
///
/// # Panics
///
/// It fails.
pub(crate) fn cargo_build(folder: &Path, target: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target).stdin(Stdio::null());
    // Set for a program that cargo runs; build scripts read variables of these names and would run again.
    let variables = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for name in variables.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    assert!(cargo.status().unwrap().success(), "`cargo build` failed in {}; it says why above", folder.display());
}

/// Waits for `event`, while `worker` has to run.
///
/// # Panics
///
/// The worker ended first.
pub(crate) async fn beside<T>(worker: &mut Program, event: impl Future<Output = T>) -> T {
    let happened = tokio::select! {
        value = event => Ok(value),
        status = worker.wait_exit(BUILDING) => Err(status),
    };
    happened.unwrap_or_else(|status| panic!("the worker ended: {status}. Its output:\n{}", worker.output()))
}

/// What a program wrote to its standard output.
pub(crate) fn stdout(program: &Program) -> String {
    let lines = program.lines().into_iter().filter(|line| line.stream == Stream::Out);
    lines.map(|line| line.text + "\n").collect()
}
