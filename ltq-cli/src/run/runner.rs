//! The runner: a package of two files under the target folder that links the crates and calls the library.
//!
//! It is a workspace of its own, so it takes over what shapes the user's build: lock file, profiles, patches, resolver.
//! `.cargo/config.toml` and `rust-toolchain.toml` need no copy: cargo looks for them from the current folder up, and
//! that is the user's. Files are written only when they change, since cargo builds anew what is newer.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use cargo_metadata::Dependency;
use toml::{Table, Value};

use super::RunError;
use super::resolve::{Crate, Project};

/// How much of the crates' names goes into the runner's.
const NAME_CHARS: usize = 40;

/// A runner on disk.
#[derive(Debug)]
pub(crate) struct Runner {
    /// Its Cargo.toml.
    pub(crate) manifest: PathBuf,
    /// The name of its package and its program.
    pub(crate) name: String,
}

/// How a runner gets to know its paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paths {
    /// From its arguments, so that one runner serves all paths of its crates.
    Told,
    /// They are part of it: the program stands alone.
    Fixed,
}

/// Writes the runner of a project, if it is not there yet as it must be.
pub(crate) fn write(project: &Project, paths: Paths) -> Result<Runner, RunError> {
    let name = name(project, paths);
    let folder = project.target.join("ltq").join(&name);
    let manifest = folder.join("Cargo.toml");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Write { path, source }
    };
    fs::create_dir_all(folder.join("src")).map_err(failed(&folder))?;
    write_if_changed(&manifest, render_manifest(project, &name)?.as_bytes()).map_err(failed(&manifest))?;
    let main = folder.join("src").join("main.rs");
    write_if_changed(&main, render_main(project, paths).as_bytes()).map_err(failed(&main))?;
    copy_lock(&project.root.join("Cargo.lock"), &folder).map_err(failed(&folder.join("Cargo.lock")))?;
    Ok(Runner { manifest, name })
}

/// One name per workspace, crates and features, so that none overwrites the program of another.
fn name(project: &Project, paths: Paths) -> String {
    let mut hasher = DefaultHasher::new();
    project.root.hash(&mut hasher);
    for found in &project.crates {
        (&found.package, &found.features).hash(&mut hasher);
    }
    let kind = match paths {
        Paths::Told => "runner",
        Paths::Fixed => {
            project.paths.iter().for_each(|path| path.as_str().hash(&mut hasher));
            "worker"
        }
    };
    let crates: Vec<_> = project.crates.iter().map(|found| found.library.as_str()).collect();
    let crates: String = crates.join("-").chars().filter(char::is_ascii).take(NAME_CHARS).collect();
    format!("{kind}-{crates}-{:016x}", hasher.finish())
}

fn render_manifest(project: &Project, name: &str) -> Result<String, RunError> {
    let path = project.root.join("Cargo.toml");
    let unreadable = |source| RunError::Manifest { path: path.clone(), source };
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.into()))?;
    let root: Table = toml::from_str(&text).map_err(|error| unreadable(error.into()))?;

    let mut manifest = Table::new();
    let package = [("name", name), ("version", "0.0.0"), ("edition", "2021")];
    let mut package: Table = package.map(|(key, value)| (key.to_owned(), Value::from(value))).into_iter().collect();
    package.insert("publish".to_owned(), false.into());
    manifest.insert("package".to_owned(), package.into());
    let workspace = Table::from_iter([("resolver".to_owned(), Value::from(resolver(&root)))]);
    manifest.insert("workspace".to_owned(), workspace.into());
    manifest.insert("dependencies".to_owned(), dependencies(project).into());
    if let Some(profile) = root.get("profile") {
        manifest.insert("profile".to_owned(), profile.clone());
    }
    if let Some(Value::Table(patch)) = root.get("patch") {
        let absolute = patch.iter().map(|(source, entries)| (source.clone(), absolute_paths(entries, &project.root)));
        manifest.insert("patch".to_owned(), absolute.collect::<Table>().into());
    }
    if let Some(replace) = root.get("replace") {
        manifest.insert("replace".to_owned(), absolute_paths(replace, &project.root));
    }
    Ok(format!("# Written by `ltq run`; changes are overwritten.\n\n{manifest}"))
}

/// The resolver cargo uses for the workspace whose root manifest this is.
fn resolver(root: &Table) -> &str {
    let get = |section: &str, key: &str| root.get(section)?.get(key)?.as_str();
    if let Some(resolver) = get("workspace", "resolver").or_else(|| get("package", "resolver")) {
        return resolver;
    }
    let edition = match root.get("package").and_then(|package| package.get("edition")) {
        Some(Value::String(edition)) => Some(edition.as_str()),
        // `edition.workspace = true`
        Some(_) => root.get("workspace").and_then(|workspace| workspace.get("package")?.get("edition")?.as_str()),
        None => None,
    };
    match edition {
        None | Some("2015" | "2018") => "1",
        Some("2021") => "2",
        Some(_) => "3",
    }
}

fn dependencies(project: &Project) -> Table {
    let mut table = Table::new();
    for Crate { package, folder, features, ltq, .. } in &project.crates {
        let mut entry = Table::from_iter([("path".to_owned(), Value::from(folder.to_string_lossy().into_owned()))]);
        if !features.is_empty() {
            entry.insert("features".to_owned(), features.clone().into());
        }
        table.insert(package.clone(), entry.into());
        table.entry("ltq").or_insert_with(|| same_ltq(ltq).into());
    }
    table
}

/// The same declaration of `ltq` as the user's: with the same lock file and patches it resolves to the same one.
fn same_ltq(declared: &Dependency) -> Table {
    let mut entry = Table::from_iter([
        ("default-features".to_owned(), Value::from(false)),
        ("features".to_owned(), vec!["run"].into()),
    ]);
    let mut set = |key: &str, value: String| entry.insert(key.to_owned(), value.into());
    if let Some(path) = &declared.path {
        set("path", path.to_string());
    } else if let Some(source) = declared.source.as_ref().and_then(|source| source.repr.strip_prefix("git+")) {
        // `https://host/repository?branch=name`; the commit is in the lock file.
        let source = source.split('#').next().unwrap_or(source);
        let (url, query) = source.split_once('?').unwrap_or((source, ""));
        set("git", url.to_owned());
        if let Some((key @ ("branch" | "tag" | "rev"), value)) = query.split_once('=') {
            set(key, value.to_owned());
        }
        set("version", declared.req.to_string());
    } else {
        set("version", declared.req.to_string());
        if let Some(index) = &declared.registry {
            set("registry-index", index.clone());
        }
    }
    entry
}

/// The entries with their relative paths made absolute.
fn absolute_paths(entries: &Value, root: &Path) -> Value {
    let mut entries = entries.clone();
    for (_, entry) in entries.as_table_mut().into_iter().flatten() {
        if let Some(path) = entry.get_mut("path")
            && let Some(relative) = path.as_str()
        {
            *path = root.join(relative).to_string_lossy().into_owned().into();
        }
    }
    entries
}

fn render_main(project: &Project, paths: Paths) -> String {
    let mut text = "//! Written by `ltq run`; changes are overwritten.\n\n".to_owned();
    text.push_str("// Naming a crate links it, and with it what its tasks and workers register.\n");
    for found in &project.crates {
        text.push_str(&format!("use ::{} as _;\n", found.library));
    }
    let call = match paths {
        Paths::Told => "runner_main()".to_owned(),
        Paths::Fixed => {
            let paths: Vec<_> = project.paths.iter().map(|path| format!("{:?}", path.as_str())).collect();
            format!("worker_main(&[{}])", paths.join(", "))
        }
    };
    text.push_str(&format!("\nfn main() -> ::std::process::ExitCode {{\n    ::ltq::__private::{call}\n}}\n"));
    text
}

/// Takes over the lock file when it is another one than last time. cargo adds the runner to the copy, so what was copied
/// is kept beside it to compare with.
fn copy_lock(lock: &Path, folder: &Path) -> io::Result<()> {
    let (copy, copied) = (folder.join("Cargo.lock"), folder.join("Cargo.lock.copied"));
    let content = match fs::read(lock) {
        Ok(content) => content,
        // Nothing of the workspace has been built yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if copy.exists() && fs::read(&copied).is_ok_and(|last| last == content) {
        return Ok(());
    }
    write_atomically(&copy, &content)?;
    write_atomically(&copied, &content)
}

fn write_if_changed(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|last| last == content) {
        return Ok(());
    }
    write_atomically(path, content)
}

/// Another `ltq run` of the same crates may be reading.
fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_resolver_is_the_one_cargo_would_use() {
        for (manifest, expected) in [
            ("workspace.resolver = '2'\npackage.edition = '2024'", "2"),
            ("package.resolver = '1'\npackage.edition = '2021'", "1"),
            ("package.edition = '2021'", "2"),
            ("package.edition = '2024'", "3"),
            ("package.edition.workspace = true\nworkspace.package.edition = '2024'", "3"),
            ("package.name = 'old'", "1"),
            ("workspace.members = []", "1"),
        ] {
            assert_eq!(resolver(&table(manifest)), expected, "{manifest}");
        }
    }

    fn declared(more: &str) -> Table {
        let json = format!(
            r#"{{"name": "ltq", "req": "^0.1", "kind": null, "optional": false, "uses_default_features": true,
                 "features": ["sentry"], "target": null, "rename": null, {more}}}"#
        );
        let mut entry = same_ltq(&cargo_metadata_dependency(&json));
        assert_eq!(entry.remove("default-features"), Some(false.into()));
        assert_eq!(entry.remove("features"), Some(vec!["run"].into()));
        entry
    }

    /// A package that depends on it, as `cargo metadata` prints it.
    fn cargo_metadata_dependency(json: &str) -> Dependency {
        let metadata = format!(
            r#"{{"packages": [{{"name": "app", "version": "1.0.0", "id": "app", "dependencies": [{json}], "targets": [],
                 "features": {{}}, "manifest_path": "/app/Cargo.toml"}}],
                 "workspace_members": ["app"], "resolve": null, "target_directory": "/app/target", "version": 1,
                 "workspace_root": "/app"}}"#
        );
        let metadata = cargo_metadata::MetadataCommand::parse(metadata).unwrap();
        metadata.packages[0].dependencies[0].clone()
    }

    #[test]
    fn ltq_comes_from_where_the_crate_has_it_from() {
        assert_eq!(declared(r#""source": null, "path": "/ltq""#), table("path = '/ltq'"));
        let crates_io = r#""source": "registry+https://crates.test/index""#;
        assert_eq!(declared(crates_io), table("version = '^0.1'"));
        let own = r#""source": "registry+https://registry.test/index", "registry": "https://registry.test/index""#;
        assert_eq!(declared(own), table("version = '^0.1'\nregistry-index = 'https://registry.test/index'"));
        assert_eq!(
            declared(r#""source": "git+https://git.test/ltq?branch=next""#),
            table("version = '^0.1'\ngit = 'https://git.test/ltq'\nbranch = 'next'")
        );
    }

    #[test]
    fn paths_of_patches_are_made_absolute() {
        let entries =
            table("a = { path = 'vendor/a' }\nb = { path = '/elsewhere/b' }\nc = { git = 'https://git.test/c' }");
        let absolute = absolute_paths(&entries.into(), Path::new("/app"));
        let expected =
            "a = { path = '/app/vendor/a' }\nb = { path = '/elsewhere/b' }\nc = { git = 'https://git.test/c' }";
        assert_eq!(absolute, table(expected).into());
    }

    #[test]
    fn a_lock_file_is_copied_when_it_changes_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, copy) = (folder.path().join("users.lock"), folder.path().join("Cargo.lock"));
        copy_lock(&lock, folder.path()).unwrap();
        assert!(!copy.exists(), "there is none yet");

        fs::write(&lock, "first").unwrap();
        copy_lock(&lock, folder.path()).unwrap();
        fs::write(&copy, "first and the runner").unwrap();
        copy_lock(&lock, folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "first and the runner");

        fs::write(&lock, "second").unwrap();
        copy_lock(&lock, folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "second");
    }
}
