//! What compiles, and what the compiler says when it does not: one file for each message users can meet.
//!
//! `TRYBUILD=overwrite cargo test -p ltq-macros --test ui` writes the expected texts anew; read the difference before
//! keeping it. They hold for the toolchain the workspace is pinned to.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for attribute in ["task", "worker"] {
        cases.pass(format!("tests/ui/{attribute}/pass/*.rs"));
        cases.compile_fail(format!("tests/ui/{attribute}/fail/*.rs"));
    }
}
