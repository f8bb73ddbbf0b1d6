//! The limit of open files, raised as far as the system allows.
//!
//! A process with hundreds of workers needs some connections for each; some systems allow 256 or 1,024 files unless asked.

use ltq::BoxError;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit, and refuses where `needed` files are still too many.
pub(crate) fn allow_open_files(needed: usize) -> Result<(), BoxError> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::try_from(needed)?;
    if soft >= needed {
        return Ok(());
    }
    if hard < needed {
        return Err(
            format!("{needed} open files are needed, and the system allows {hard}; raise its hard limit").into()
        );
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, needed, hard)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_forbids_is_said_and_not_tried() {
        assert!(allow_open_files(1).is_ok());
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        if let Ok(more) = usize::try_from(hard.saturating_add(1)) {
            assert!(hard == u64::MAX || allow_open_files(more).is_err());
        }
    }
}
