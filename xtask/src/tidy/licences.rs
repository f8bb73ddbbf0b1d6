//! The rule for dependencies: what is built into a program must not ask for more than MIT OR Apache-2.0 do.

use std::path::Path;

use cargo_metadata::{CargoOpt, MetadataCommand};
use spdx::{Expression, ParseMode};

use super::{Finding, TidyError};

/// Licences that let everybody pass the code on under MIT OR Apache-2.0, at most with a notice.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Looks at every package of the lock file, whatever platform it is for.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, TidyError> {
    let manifest = root.join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).features(CargoOpt::AllFeatures).exec()?;
    let findings = metadata.packages.iter().filter_map(|package| {
        let why = match package.license.as_deref() {
            None => "names no licence".to_owned(),
            Some(licence) if is_allowed(licence) => return None,
            Some(licence) => format!("has the licence `{licence}`"),
        };
        let message = format!(
            "{} {} {why}, which MIT OR Apache-2.0 cannot be relied on to cover: use another package, or add the \
             licence to xtask/src/tidy/licences.rs if it asks for no more than a notice",
            package.name, package.version
        );
        Some(Finding { path: "Cargo.lock".to_owned(), line: 0, message })
    });
    Ok(findings.collect())
}

/// An exception (`WITH …`) only ever allows more.
fn is_allowed(licence: &str) -> bool {
    Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|required| required.license.id().is_some_and(|id| ALLOWED.contains(&id.name)))
    })
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn one_allowed_alternative_is_enough() {
        for fine in ["MIT", "GPL-3.0-only OR MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception"] {
            assert!(is_allowed(fine), "{fine}");
        }
        for refused in ["GPL-3.0-only", "MIT AND MPL-2.0", "", "whatever I like"] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }
}
