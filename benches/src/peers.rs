//! [`Peer`]: another queue, as a program of its own under `benches/peers`.
//!
//! A folder with a `Cargo.toml` is a Rust program, one with a `main.py` a Python one. Both take the same arguments and print
//! one JSON line. What cannot be built or run gets a line in the report that says why, and does not end the run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ltq::BoxError;
use serde::Deserialize;

/// How long one measurement of a peer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so many failures a peer is left out.
const MOST_FAILURES: usize = 2;
/// Where the programs are, in the repository.
const FOLDER: &str = "benches/peers";
/// Where they are built.
const TARGET: &str = "target/peers";

/// Another queue.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Program and first arguments.
    command: Vec<PathBuf>,
    /// What went wrong, the last time that something did.
    pub(crate) trouble: Option<String>,
    failures: usize,
    /// How it is set up, in its own words.
    pub(crate) enqueue_setting: String,
    pub(crate) drain_setting: String,
}

/// What a peer prints.
#[derive(Debug, Deserialize)]
struct Answer {
    per_second: f64,
    setting: String,
}

/// Builds every peer there is a folder for.
pub(crate) fn build_all() -> Result<Vec<Peer>, BoxError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(FOLDER).into_iter().flatten() {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() || entry.path().join("main.py").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names.into_iter().map(Peer::build).collect())
}

impl Peer {
    fn build(name: String) -> Self {
        eprintln!("building {FOLDER}/{name}");
        let folder = Path::new(FOLDER).join(&name);
        let built = if folder.join("Cargo.toml").exists() { rust(&folder) } else { python(&folder, &name) };
        let mut peer = Self {
            name,
            command: Vec::new(),
            trouble: None,
            failures: 0,
            enqueue_setting: String::new(),
            drain_setting: String::new(),
        };
        match built {
            Ok(command) => peer.command = command,
            Err(error) => peer.failed(&error),
        }
        peer
    }

    /// Whether it is worth another try: it was built, and has not failed again and again.
    pub(crate) fn is_promising(&self) -> bool {
        !self.command.is_empty() && self.failures < MOST_FAILURES
    }

    /// Notes why there is no figure.
    pub(crate) fn failed(&mut self, error: &BoxError) {
        let text = error.to_string();
        let reason = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned();
        eprintln!("  {}: {reason}", self.name);
        self.trouble = Some(reason);
        self.failures += 1;
    }

    /// Messages a second that it enqueues.
    pub(crate) async fn enqueue(&mut self, url: &str, messages: usize) -> Result<f64, BoxError> {
        let messages = messages.to_string();
        let answer = self.ask(&["enqueue", "--url", url, "--messages", &messages]).await?;
        self.enqueue_setting = answer.setting;
        Ok(answer.per_second)
    }

    /// Messages a second that it runs and acknowledges.
    pub(crate) async fn drain(&mut self, url: &str, messages: usize, concurrency: usize) -> Result<f64, BoxError> {
        let (messages, concurrency) = (messages.to_string(), concurrency.to_string());
        let answer = self.ask(&["drain", "--url", url, "--messages", &messages, "--concurrency", &concurrency]).await?;
        self.drain_setting = answer.setting;
        Ok(answer.per_second)
    }

    async fn ask(&self, args: &[&str]) -> Result<Answer, BoxError> {
        let (program, first) = self.command.split_first().ok_or("it was not built")?;
        let running = tokio::process::Command::new(program)
            .args(first)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(PATIENCE, running);
        let output = ended.await.map_err(|_| format!("`{}` took longer than {PATIENCE:?}", args[0]))??;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            let last = reason.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(format!("`{}` failed ({}): {last}", args[0], output.status).into());
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let line = printed.lines().rfind(|line| line.starts_with('{')).ok_or("it printed no figures")?;
        Ok(serde_json::from_str(line)?)
    }
}

/// Builds a Rust program with its own lock file. It is called what its package is called.
fn rust(folder: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let name = name.ok_or("its Cargo.toml names no package")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = std::process::Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--locked", "--target-dir", TARGET, "--manifest-path"]).arg(&manifest);
    succeed(&mut build, "error")?;
    Ok(vec![std::env::current_dir()?.join(TARGET).join("release").join(name)])
}

/// Makes an environment for a Python program, with what it requires.
fn python(folder: &Path, name: &str) -> Result<Vec<PathBuf>, BoxError> {
    let environment = Path::new(TARGET).join(name);
    let python = environment.join("bin/python");
    if !python.exists() {
        succeed(std::process::Command::new("python3").args(["-m", "venv"]).arg(&environment), "Error")?;
    }
    let mut install = std::process::Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--ignore-requires-python", "--requirement"]);
    succeed(install.arg(folder.join("requirements.txt")), "ERROR")?;
    Ok(vec![python, folder.join("main.py")])
}

/// Runs a command; an error says the first line that begins with `marker`, or else the last one.
fn succeed(command: &mut std::process::Command, marker: &str) -> Result<(), BoxError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.starts_with(marker)).or_else(|| text.lines().last());
    Err(line.unwrap_or("it could not be built").to_owned().into())
}
