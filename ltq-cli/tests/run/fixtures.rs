//! The workspace of fixtures, written under cargo's temporary folder for tests and kept there, so that cargo sees the
//! same files in every run and builds only what changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const WORKSPACE: &str = r#"
[workspace]
members = ["plain", "dash-ed", "renamed", "aliased", "patched", "no-library", "no-ltq", "no-task", "broken"]
default-members = ["plain"]
resolver = "3"

{profile}
[patch.crates-io]
ltq-fixture-greeting = { path = "greeting" }
"#;

/// One profile for whatever tests build, so that dependencies are built once.
pub(crate) const PROFILE: &str = "\n[profile.dev]\ndebug = false\ndebug-assertions = false\n";

/// Applies to whatever is built below the workspace's folder, the runner of `ltq run` included.
const CONFIG: &str = "[env]\nLTQ_FIXTURE_CONFIG = \"read\"\n";

pub(crate) const LTQ: &str = "ltq = { path = \"{ltq}\", default-features = false, features = [\"redis\", \"run\"] }\n";
pub(crate) const TOKIO: &str = "tokio = { version = \"1\", features = [\"rt\"] }\n";

const PLAIN: &str = r#"
pub mod jobs {
    #[ltq::task(queue = "jobs")]
    pub async fn hello(name: String) {
        let asserts = cfg!(debug_assertions);
        eprintln!("hello {name}, config {}, debug assertions {asserts}", env!("LTQ_FIXTURE_CONFIG"));
    }

    #[ltq::worker]
    pub fn worker() -> ltq::Worker {
        tokio::spawn(async { hello.send("plain").await });
        ltq::Worker::new("jobs")
    }

    #[ltq::worker]
    pub fn idle() -> ltq::Worker {
        ltq::Worker::new("jobs")
    }

    #[ltq::worker]
    pub fn mistaken() -> ltq::Worker {
        ltq::Worker::new("no-task-uses-this")
    }

    #[ltq::task(queue = "stuck", blocking)]
    pub fn stuck() {
        eprintln!("stuck now");
        loop {
            std::thread::park();
        }
    }

    #[ltq::worker]
    pub fn stuck_worker() -> ltq::Worker {
        tokio::spawn(stuck.send());
        ltq::Worker::new("stuck")
    }

    #[ltq::worker]
    pub fn broken() -> ltq::Worker {
        panic!("no database")
    }
}

#[cfg(feature = "extra")]
pub mod extra {
    #[ltq::task]
    pub async fn more() {}
}
"#;

/// A library with a task and a worker that sends it to itself, both called `{name}`.
pub(crate) const ONE_WORKER: &str = r#"
#[ltq::task(queue = "{name}")]
pub async fn hello() {
    eprintln!("hello {name}");
}

#[ltq::worker]
pub fn worker() -> ltq::Worker {
    tokio::spawn(hello.send());
    ltq::Worker::new("{name}")
}
"#;

const PATCHED: &str = r#"
#[ltq::task(queue = "patched")]
pub async fn hello() {
    eprintln!("{}", ltq_fixture_greeting::GREETING);
}

#[ltq::worker]
pub fn worker() -> ltq::Worker {
    tokio::spawn(hello.send());
    ltq::Worker::new("patched")
}
"#;

const OWN_MAIN: &str = "fn main() -> std::process::ExitCode {\n    ltq::run(ltq::Worker::new(\"dashed\"))\n}\n";

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ltq-run-fixtures");
    let write = |path: &str, content: &str| write(&root.join(path), content);
    write("Cargo.toml", &WORKSPACE.replace("\n{profile}", PROFILE));
    write(".cargo/config.toml", CONFIG);
    write("greeting/Cargo.toml", &manifest("ltq-fixture-greeting", "", ""));
    write("greeting/src/lib.rs", "pub const GREETING: &str = \"hello from the patch\";\n");

    let both = [LTQ, TOKIO].concat();
    write("plain/Cargo.toml", &manifest("plain", &both, "[features]\nextra = []\n"));
    write("plain/src/lib.rs", PLAIN);
    write("dash-ed/Cargo.toml", &manifest("dash-ed", &both, ""));
    write("dash-ed/src/lib.rs", &ONE_WORKER.replace("{name}", "dashed"));
    write("dash-ed/src/main.rs", &format!("use dash_ed as _;\n\n{OWN_MAIN}"));
    write("renamed/Cargo.toml", &manifest("renamed", &both, "[lib]\nname = \"other_name\"\n"));
    write("renamed/src/lib.rs", &ONE_WORKER.replace("{name}", "renamed"));
    let aliased = both.replacen("ltq =", "queue =", 1).replacen("path =", "package = \"ltq\", path =", 1);
    write("aliased/Cargo.toml", &manifest("aliased", &aliased, ""));
    let aliasing = ONE_WORKER.replace("{name}", "aliased").replace("ltq::", "queue::");
    let aliasing = aliasing.replace("(queue = \"aliased\")", "(queue = \"aliased\", crate = \"queue\")");
    write("aliased/src/lib.rs", &aliasing.replace("#[queue::worker]", "#[queue::worker(crate = \"queue\")]"));
    write("patched/Cargo.toml", &manifest("patched", &format!("{both}ltq-fixture-greeting = \"1\"\n"), ""));
    write("patched/src/lib.rs", PATCHED);
    write("no-library/Cargo.toml", &manifest("no-library", LTQ, ""));
    write("no-library/src/main.rs", "fn main() {}\n");
    write("no-ltq/Cargo.toml", &manifest("no-ltq", "", ""));
    write("no-ltq/src/lib.rs", "");
    write("no-task/Cargo.toml", &manifest("no-task", LTQ, ""));
    write("no-task/src/lib.rs", "");
    write("broken/Cargo.toml", &manifest("broken", LTQ, ""));
    write("broken/src/lib.rs", "pub fn mistake() -> u32 {\n    \"not a number\"\n}\n");

    // The versions of this repository: they are downloaded already.
    let lock = fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    write("Cargo.lock", &lock);
    root
});

/// As `ltq run` links it: one crate collects, one submits, and the program only names one that depends on that.
const LINKED: [(&str, &str, &str); 4] = [
    (
        "collects",
        "inventory = \"0.3\"\n",
        "pub use inventory;\n\npub struct Entry(pub &'static str);\n\ninventory::collect!(Entry);\n",
    ),
    (
        "submits",
        "collects = { path = \"../collects\" }\n",
        "mod inner {\n    collects::inventory::submit!(collects::Entry(\"from a private module\"));\n}\n",
    ),
    ("between", "submits = { path = \"../submits\" }\n", "use submits as _;\n"),
    (
        "names",
        "collects = { path = \"../collects\" }\nbetween = { path = \"../between\" }\n",
        "use between as _;\n\nfn main() {\n    for entry in collects::inventory::iter::<collects::Entry>() {\n        \
         println!(\"{}\", entry.0);\n    }\n}\n",
    ),
];

/// A second workspace, of [`LINKED`] alone and with the strictest link-time optimisation.
pub(crate) fn linked() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ltq-linked-fixtures");
    for (name, dependencies, source) in LINKED {
        write(&root.join(name).join("Cargo.toml"), &manifest(name, dependencies, ""));
        let file = if name == "names" { "main.rs" } else { "lib.rs" };
        write(&root.join(name).join("src").join(file), source);
    }
    let optimised = "\n[profile.release]\nlto = \"fat\"\ncodegen-units = 1\nstrip = true\n";
    let workspace = "[workspace]\nmembers = [\"collects\", \"submits\", \"between\", \"names\"]\nresolver = \"3\"\n";
    write(&root.join("Cargo.toml"), &[workspace, optimised].concat());
    if !root.join("Cargo.lock").exists() {
        fs::copy(repository().join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    }
    root
}

/// The folder of the workspace of fixtures.
pub(crate) fn workspace() -> &'static Path {
    &ROOT
}

/// Where the fixtures are built: apart from this repository's own builds, whose profiles differ.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("ltq-cli-fixtures")
}

/// The folder of this repository, which is that of the package `ltq`.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn manifest(name: &str, dependencies: &str, more: &str) -> String {
    let dependencies = dependencies.replace("{ltq}", repository().to_str().unwrap());
    format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n{more}\n[dependencies]\n{dependencies}"
    )
}

pub(crate) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if fs::read_to_string(path).is_ok_and(|last| last == content) {
        return;
    }
    fs::write(path, content).unwrap();
}
