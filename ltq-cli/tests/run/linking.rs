//! What a crate registers survives linking, though nothing but the crate's name is mentioned.

use std::path::Path;

use crate::fixtures;
use crate::program::in_fixtures;

#[test]
fn entries_survive_in_debug_and_with_link_time_optimisation() {
    let root = fixtures::linked();
    for profile in ["dev", "release"] {
        let arguments = ["run", "--package", "names", "--profile", profile];
        let output = in_fixtures(Path::new(env!("CARGO")), &arguments).current_dir(&root).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "from a private module\n", "{profile}: {stderr}");
    }
}
