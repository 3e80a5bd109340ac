//! Tests of `gateway::allowance`.

use super::*;

/// A hierarchy of control groups with these files.
fn groups(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn the_least_limit_on_the_way_to_the_root_holds() {
    let files = [("a/memory.max", "4096\n"), ("a/b/memory.max", "max\n"), ("a/b/c/memory.max", "8192\n")];
    let root = groups(&files);
    assert_eq!(of_groups("0::/a/b/c\n", root.path()), Some(4096));
    assert_eq!(of_groups("0::/other\n", root.path()), None);
    assert_eq!(of_groups("", root.path()), None);
}

#[test]
fn a_container_finds_its_limit_at_the_root() {
    let root = groups(&[("memory.max", "4096\n")]);
    assert_eq!(of_groups("0::/\n", root.path()), Some(4096));
    let root = groups(&[("memory/memory.limit_in_bytes", "8192\n")]);
    let mixed = "5:cpu,cpuacct:/docker/x\n3:freezer,memory:/docker/x\n0::/docker/x\n";
    assert_eq!(of_groups(mixed, root.path()), Some(8192));
}

#[test]
fn the_memory_of_the_machine_is_read() {
    assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
    assert_eq!(total("MemTotal: much"), None);
    let tenth = tenth();
    assert!(tenth.is_none_or(|bytes| bytes > 0));
}
