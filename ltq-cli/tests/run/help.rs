//! Help, completions and manual pages.

use crate::program::{ended, ltq};

#[test]
fn a_misspelt_command_is_answered_with_the_nearest() {
    let (code, stderr) = ended(&mut ltq(&["taks"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("tasks"), "{stderr}");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ltq(&["completions", shell]).output().unwrap();
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("ltq") && script.contains("replay"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let (code, stderr) = ended(&mut ltq(&["man", pages.to_str().unwrap()]));
    assert_eq!(code, 0, "{stderr}");
    for page in ["ltq", "ltq-run", "ltq-send", "ltq-dead", "ltq-dead-replay"] {
        let text = std::fs::read_to_string(pages.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
}
