//! Tests of `cli::generate`.

use super::*;

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_owned();
    assert!(man(Man { dir: Some(dir) }).is_ok());
    for name in ["floodway", "floodway-top", "floodway-limits-set"] {
        let text = fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{name}: {text}");
    }
}
