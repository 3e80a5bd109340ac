//! Tests of `cli::groups`.

use super::*;

#[test]
fn devices_come_from_flags_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices");
    fs::write(&path, "B\n\nC 7\n").unwrap();
    let devices = with_file(&["A".to_owned()], Some(&path)).ok().unwrap();
    assert_eq!(devices, ["A", "B", "C 7"]);
}

#[test]
fn a_bad_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices");
    fs::write(&path, "B\na/b\n").unwrap();
    let Err(Failure::Usage(why)) = with_file(&[], Some(&path)) else {
        panic!("a device with a slash is taken");
    };
    assert!(why.contains("--devices-from") && why.contains("line 2"), "{why}");
}
