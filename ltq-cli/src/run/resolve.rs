//! From paths to packages: which member of the workspace each path means, and whether it can be run.
//!
//! `cargo metadata --no-deps` is enough, and fast: it resolves no versions. The runner takes over the members' own
//! declarations of `ltq` together with their lock file, so both resolve to the same `ltq`.

use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package, TargetKind};
use ltq::__private::TaskPath;

use crate::args::ProjectFlags;
use crate::suggest;

/// The workspace and what of it is run.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The packages of the paths, each once.
    pub(crate) crates: Vec<Crate>,
    /// The paths, each beginning with the name of a library.
    pub(crate) paths: Vec<TaskPath>,
}

/// A package whose library is run.
#[derive(Debug)]
pub(crate) struct Crate {
    /// The package's name.
    pub(crate) package: String,
    /// The library's name, as Rust code writes it.
    pub(crate) library: String,
    /// The folder of its Cargo.toml.
    pub(crate) folder: PathBuf,
    /// The features that were asked for.
    pub(crate) features: Vec<String>,
    /// How it depends on `ltq`.
    pub(crate) ltq: Dependency,
}

/// The packages cannot be found or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error(
        "there is no Cargo.toml in {} or a folder above it: go to the workspace, or name its Cargo.toml with --manifest-path",
        folder.display()
    )]
    NoManifest { folder: PathBuf },
    #[error("cargo cannot read the workspace:\n{0}")]
    Cargo(String),
    #[error("cannot ask cargo about the workspace")]
    Metadata(#[source] cargo_metadata::Error),
    #[error("there is no package `{name}` in the workspace {}{meant}\nthere are: {known}", root.display())]
    UnknownPackage { name: String, root: PathBuf, meant: String, known: String },
    #[error(
        "the package `{package}` has no library, and only a library can be linked: move its tasks and workers to {} and \
         use them from the binary as `{library}::…`",
        file.display()
    )]
    NoLibrary { package: String, library: String, file: PathBuf },
    #[error(
        "the package `{package}` does not depend on `ltq`, so it has no tasks: run `cargo add ltq --package {package}`"
    )]
    NoLtq { package: String },
    #[error("no package of the paths has a feature `{feature}`; there are: {known}")]
    UnknownFeature { feature: String, known: String },
}

/// Finds the packages of the paths.
pub(crate) fn resolve(paths: &[TaskPath], flags: &ProjectFlags) -> Result<Project, ResolveError> {
    let metadata = metadata(flags.manifest_path.as_deref())?;
    let mut crates: Vec<Crate> = Vec::new();
    let mut run = Vec::new();
    for path in paths {
        let package = find(&metadata, path.crate_name())?;
        let found = check(package)?;
        run.push(path.in_crate(&found.library));
        if crates.iter().all(|known| known.package != found.package) {
            crates.push(found);
        }
    }
    // The order of the paths must not make another runner.
    crates.sort_unstable_by(|a, b| a.package.cmp(&b.package));
    let features = flags.features.iter().flat_map(|features| features.split_whitespace());
    for feature in features {
        add_feature(&mut crates, &metadata, feature)?;
    }
    Ok(Project {
        root: metadata.workspace_root.into_std_path_buf(),
        target: metadata.target_directory.into_std_path_buf(),
        crates,
        paths: run,
    })
}

fn metadata(manifest: Option<&Path>) -> Result<Metadata, ResolveError> {
    let mut command = MetadataCommand::new();
    command.no_deps();
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } if manifest.is_none() && is_no_manifest(&stderr) => {
            ResolveError::NoManifest { folder: std::env::current_dir().unwrap_or_default() }
        }
        cargo_metadata::Error::CargoMetadata { stderr } => ResolveError::Cargo(stderr.trim_end().to_owned()),
        error => ResolveError::Metadata(error),
    })
}

fn is_no_manifest(stderr: &str) -> bool {
    stderr.contains("could not find `Cargo.toml`")
}

/// The package called `name`, else the one whose library is; dashes and underscores are one.
fn find<'a>(metadata: &'a Metadata, name: &str) -> Result<&'a Package, ResolveError> {
    let wanted = underscored(name);
    let members = metadata.workspace_packages();
    let by_package = members.iter().find(|package| underscored(&package.name) == wanted);
    let found = by_package.or_else(|| members.iter().find(|package| library(package).as_deref() == Some(&wanted)));
    found.copied().ok_or_else(|| unknown_package(metadata, name, &members))
}

fn unknown_package(metadata: &Metadata, name: &str, members: &[&Package]) -> ResolveError {
    let mut known: Vec<String> = members.iter().map(|package| package.name.to_string()).collect();
    known.sort_unstable();
    ResolveError::UnknownPackage {
        name: name.to_owned(),
        root: metadata.workspace_root.clone().into_std_path_buf(),
        meant: suggest::meant(name, &known),
        known: suggest::listed(&known),
    }
}

/// The name of the library that other crates can link, if there is one.
fn library(package: &Package) -> Option<String> {
    let linkable = [TargetKind::Lib, TargetKind::RLib, TargetKind::DyLib];
    let target = package.targets.iter().find(|target| target.kind.iter().any(|kind| linkable.contains(kind)))?;
    Some(underscored(&target.name))
}

fn check(package: &Package) -> Result<Crate, ResolveError> {
    let name = package.name.to_string();
    let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path).as_std_path().to_owned();
    let Some(library) = library(package) else {
        let (library, file) = (underscored(&name), folder.join("src").join("lib.rs"));
        return Err(ResolveError::NoLibrary { package: name, library, file });
    };
    let ltq = package
        .dependencies
        .iter()
        .find(|dependency| dependency.name == "ltq" && dependency.kind == DependencyKind::Normal)
        .cloned()
        .ok_or_else(|| ResolveError::NoLtq { package: name.clone() })?;
    Ok(Crate { package: name, library, folder, features: Vec::new(), ltq })
}

/// Adds a feature to every crate that has it; `crate/feature` to that crate, or to a dependency of the crate that has it.
fn add_feature(crates: &mut [Crate], metadata: &Metadata, feature: &str) -> Result<(), ResolveError> {
    let qualified = feature.split_once('/');
    let mut added = false;
    for found in crates.iter_mut() {
        if let Some((name, of_crate)) = qualified
            && underscored(name) == underscored(&found.package)
        {
            found.features.push(of_crate.to_owned());
            added = true;
            continue;
        }
        let package = metadata.packages.iter().find(|package| *package.name == found.package);
        let has = package.is_some_and(|package| match qualified {
            None => package.features.contains_key(feature),
            Some((dependency, _)) => package
                .dependencies
                .iter()
                .any(|known| known.rename.as_deref().unwrap_or(&known.name) == dependency.trim_end_matches('?')),
        });
        if has {
            found.features.push(feature.to_owned());
            added = true;
        }
    }
    if added {
        return Ok(());
    }
    let mut known: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| crates.iter().any(|found| found.package == *package.name))
        .flat_map(|package| package.features.keys().map(move |feature| format!("{}/{feature}", package.name)))
        .collect();
    known.sort_unstable();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(ResolveError::UnknownFeature { feature: feature.to_owned(), known })
}

fn underscored(name: &str) -> String {
    name.replace('-', "_")
}
