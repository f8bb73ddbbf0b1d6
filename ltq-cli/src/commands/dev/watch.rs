//! Which changes matter: Rust sources, manifests, the lock file and cargo's configuration, of the workspace and its crates.
//!
//! The target folder, hidden folders and what is built there are left out, since each build would set off the next one.
//! Watching is for changes of files that a build may read; whether anything is different after all, cargo decides.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::CliError;

/// How long it must be quiet after a change: editors and version control write many files at once.
const QUIET: Duration = Duration::from_millis(200);

/// Tells when a source changes.
#[derive(Debug)]
pub(super) struct Watch {
    changes: UnboundedReceiver<()>,
    /// Watches as long as it lives.
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches a workspace and the folders of its crates.
    pub(super) fn start<'a>(
        root: &Path,
        target: &Path,
        crates: impl IntoIterator<Item = &'a PathBuf>,
    ) -> Result<Self, CliError> {
        let (changed, changes) = unbounded_channel();
        let (ignored, base) = (target.to_owned(), root.to_owned());
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| matters(&event, &base, &ignored)) {
                // Nobody listens any more when the command ends.
                let _ = changed.send(());
            }
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CliError::Watch { path, source }
        };
        let mut watcher = notify::recommended_watcher(on_event).map_err(failed(root))?;
        for (path, mode) in watched(root, target, crates) {
            watcher.watch(&path, mode).map_err(failed(&path))?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits for a change and then until it is quiet. For ever where nothing changes.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
    }
}

/// The root itself, and each folder in it that is neither hidden nor cargo's, with all below; crates elsewhere alike.
fn watched<'a>(
    root: &Path,
    target: &Path,
    crates: impl IntoIterator<Item = &'a PathBuf>,
) -> Vec<(PathBuf, RecursiveMode)> {
    let mut folders = vec![root.to_owned()];
    folders.extend(crates.into_iter().filter(|folder| !folder.starts_with(root)).cloned());
    let mut watched = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path != target && !is_hidden(&path) {
                watched.push((path, RecursiveMode::Recursive));
            }
        }
        watched.push((folder, RecursiveMode::NonRecursive));
    }
    watched
}

fn matters(event: &Event, root: &Path, target: &Path) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    event.paths.iter().any(|path| {
        let inside = path.strip_prefix(root).unwrap_or(path);
        let hidden = inside.components().any(|part| is_hidden(Path::new(part.as_os_str())));
        let name = path.file_name().unwrap_or_default();
        let is_source = path.extension().is_some_and(|extension| extension == "rs") || name == "Cargo.toml";
        !path.starts_with(target) && !hidden && (is_source || name == "Cargo.lock")
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, ModifyKind};

    use super::*;

    #[test]
    fn only_what_a_build_reads_matters() {
        let changed = |path: &str| {
            let event = Event::new(EventKind::Modify(ModifyKind::Any)).add_path(PathBuf::from(path));
            matters(&event, Path::new("/home/.me/app"), Path::new("/home/.me/app/out"))
        };
        assert!(changed("/home/.me/app/src/jobs.rs"));
        assert!(changed("/home/.me/app/member/Cargo.toml"));
        assert!(changed("/home/.me/app/Cargo.lock"));
        assert!(!changed("/home/.me/app/out/debug/build/x/out.rs"), "what a build writes");
        assert!(!changed("/home/.me/app/.git/index"));
        assert!(!changed("/home/.me/app/src/.jobs.rs.swp"));
        assert!(!changed("/home/.me/app/notes.txt"));
        let read = Event::new(EventKind::Access(AccessKind::Any)).add_path(PathBuf::from("/home/.me/app/src/lib.rs"));
        assert!(!matters(&read, Path::new("/home/.me/app"), Path::new("/home/.me/app/out")), "reading is no change");
    }

    #[tokio::test]
    async fn a_change_is_told_and_the_target_folder_is_not_watched() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("src"), folder.path().join("out"));
        std::fs::create_dir_all(&source).unwrap();
        std::fs::create_dir_all(&target).unwrap();
        let folders = watched(folder.path(), &target, []);
        assert!(folders.iter().all(|(path, _)| path != &target), "{folders:?}");
        let mut watch = Watch::start(folder.path(), &target, []).unwrap();
        std::fs::write(source.join("lib.rs"), "//! New.").unwrap();
        watch.changed().await;
    }
}
