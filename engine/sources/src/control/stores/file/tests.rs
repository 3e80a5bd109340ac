//! Limits and groups in a file, and what a person may do to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use crate::control::stores::test_kit::{self, Gateway, Place, following};
use crate::control::{self, Config, Follower, Keeper, SyncState, WriteError};
use crate::source::Source;
use floodway_core::index::{Index, Limits};

struct Folder(TempDir);

fn folder() -> Folder {
    Folder(tempfile::tempdir().expect("a folder"))
}

impl Folder {
    fn file(&self) -> PathBuf {
        self.0.path().join("control.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("the file is there")
    }

    fn holds(&self, text: &str) {
        fs::write(self.file(), text).expect("it is written");
    }

    /// Why it is refused at the start.
    fn refusal(&self, config: &Config) -> String {
        let index = Arc::new(Index::new(10, Limits::default()));
        let (_control, follower) = control::new(config, "N", index);
        let opened = Keeper::of_file(config, &self.file(), follower);
        opened.err().expect("it is refused")
    }
}

impl Place for Folder {
    fn keep(&self, config: &Config, _: Arc<Index>, follower: Follower) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
        let keeper = Keeper::of_file(config, &self.file(), follower);
        (Vec::new(), Some(keeper.expect("the file can be used")))
    }
}

test_kit::suite!(folder(); alone);

#[tokio::test]
async fn it_is_private_whole_and_written_for_people() {
    let folder = folder();
    let gateway = following(&folder, "A").await;
    gateway.puts("G", &["A", "B"]).await;
    let mode = |name: &str| fs::metadata(folder.0.path().join(name)).expect("it is there").permissions().mode();
    assert_eq!((mode("control.json") & 0o777, mode("control.json.lock") & 0o777), (0o600, 0o600));
    assert!(folder.text().contains("\n  \"groups/T/G\": {\"devices\":[\"A\",\"B\"]}"), "{}", folder.text());
    assert!(!folder.text().contains("fleet/"), "a gateway alone has nobody to tell");
    let names = fs::read_dir(folder.0.path()).expect("a folder");
    assert_eq!(names.count(), 2, "nothing else is left behind");
    gateway.stop();
}

#[test]
fn a_broken_file_is_refused_named_and_left_alone() {
    let folder = folder();
    for (text, why) in [
        ("", "is broken"),
        ("{\"version\": 1, \"documents\": {", "is broken"),
        ("[]", "is broken"),
        ("{\"version\": 1, \"documents\": {}, \"more\": 1}", "more"),
        ("{\"version\": 2, \"documents\": {}}", "has version 2"),
        ("{\"version\": 1, \"documents\": {\"grups/T/G\": {}}}", "grups/T/G: the key is not known"),
        (
            "{\"version\": 1, \"documents\": {\"groups/T/G\": {\"devices\": [\"a/b\"]}}}",
            "groups/T/G: devices[0]",
        ),
        ("{\"version\": 1, \"documents\": {\"limits/default\": {\"queue_size\": 0}}}", "queue_size"),
    ] {
        folder.holds(text);
        let refusal = folder.refusal(&Config::default());
        assert!(refusal.starts_with("control.store = \"file:") && refusal.contains(why), "{refusal}");
        assert_eq!(folder.text(), text);
    }
    folder.holds(&format!("{{\"version\": 1, \"documents\": {{}}}}{}", " ".repeat(100)));
    let refusal = folder.refusal(&Config { file_bytes: 100, ..Config::default() });
    assert!(refusal.contains("control.file_bytes"), "{refusal}");
}

#[test]
fn a_place_where_nothing_can_be_written_is_refused() {
    let folder = folder();
    let missing = Folder(tempfile::tempdir().expect("a folder"));
    fs::remove_dir(missing.0.path()).expect("removed");
    let refusal = missing.refusal(&Config::default());
    assert!(refusal.contains("can't be locked"), "{refusal}");
    fs::create_dir(folder.file()).expect("a folder in its place");
    let refusal = folder.refusal(&Config::default());
    assert!(refusal.contains("can't be read"), "{refusal}");
}

#[tokio::test]
async fn a_second_gateway_is_refused_while_the_first_is_there() {
    let folder = folder();
    let gateway = following(&folder, "A").await;
    let refusal = folder.refusal(&Config::default());
    assert!(refusal.contains("another gateway has it"), "{refusal}");
    gateway.stop();
    following(&folder, "B").await.stop();
}

async fn has(gateway: &Gateway, name: &str, members: &[&str]) {
    gateway
        .until("the group is as it was written", |_| gateway.members(name) == members)
        .await;
}

#[tokio::test]
async fn what_a_person_writes_into_it_is_followed() {
    let folder = folder();
    let gateway = following(&folder, "A").await;
    gateway.puts("G", &["A"]).await;
    gateway.puts("GONE", &["A"]).await;
    let mut text = folder
        .text()
        .replace("\"groups/T/G\": {\"devices\":[\"A\"]}", "\"groups/T/G\": {\"devices\": [\"C\"]}");
    text = text.replace("\"groups/T/GONE\"", "\"groups/T/NEW\"");
    folder.holds(&text);
    let is_read = |_: &_| {
        // As a person would, who sees that the gateway wrote at the same moment.
        if !folder.text().contains("\"groups/T/NEW\"") {
            folder.holds(&text);
        }
        gateway.members("NEW") == ["A"]
    };
    gateway.until("the file is read again", is_read).await;
    has(&gateway, "G", &["C"]).await;
    has(&gateway, "NEW", &["A"]).await;
    has(&gateway, "GONE", &[]).await;
    // Just before a write: both stay.
    folder.holds(&folder.text().replace("\"groups/T/NEW\"", "\"groups/T/NEWER\""));
    gateway.puts("G", &["D"]).await;
    has(&gateway, "NEWER", &["A"]).await;
    assert!(
        folder.text().contains("\"groups/T/NEWER\"") && folder.text().contains("[\"D\"]"),
        "{}",
        folder.text()
    );
    gateway.stop();
}

#[tokio::test]
async fn one_that_is_broken_meanwhile_is_left_alone_until_it_is_mended() {
    let folder = folder();
    let gateway = following(&folder, "A").await;
    gateway.puts("G", &["A"]).await;
    let whole = folder.text();
    folder.holds("not JSON");
    let refused = gateway.control.put_group(&test_kit::tenant("T"), &test_kit::group("H"), ["A"]).await;
    assert!(matches!(&refused, Err(WriteError::Refused(why)) if why.contains("is broken")), "{refused:?}");
    let is_away = |state| matches!(state, SyncState::Partial(why) if why.contains("is broken"));
    gateway.until("it is found to be broken", |control| is_away(control.sync_state())).await;
    assert_eq!(folder.text(), "not JSON");
    assert_eq!(gateway.members("G"), ["A"], "what was read holds");
    folder.holds(&whole.replace("[\"A\"]", "[\"A\",\"B\"]"));
    gateway.follows().await;
    has(&gateway, "G", &["A", "B"]).await;
    gateway.puts("H", &["A"]).await;
    gateway.stop();
}

#[tokio::test]
async fn one_that_was_removed_is_written_again() {
    let folder = folder();
    let gateway = following(&folder, "A").await;
    gateway.puts("G", &["A"]).await;
    fs::remove_file(folder.file()).expect("removed");
    gateway.until("it is there again", |_| folder.file().exists()).await;
    assert!(folder.text().contains("groups/T/G"));
    gateway.stop();
}

#[tokio::test]
async fn a_write_that_has_no_room_changes_nothing() {
    let folder = folder();
    let config = Config { file_bytes: 300, ..Config::default() };
    let index = Arc::new(Index::new(10, Limits::default()));
    let (control, follower) = control::new(&config, "N", Arc::clone(&index));
    let keeper = Keeper::of_file(&config, &folder.file(), follower).expect("a file");
    let gateway = test_kit::of((control, index), (Vec::new(), Some(keeper)));
    gateway.follows().await;
    gateway.puts("G", &["A"]).await;
    let before = folder.text();
    let long = "x".repeat(200);
    let refused = gateway
        .control
        .put_group(&test_kit::tenant("T"), &test_kit::group("H"), [long.as_str()])
        .await;
    assert!(
        matches!(&refused, Err(WriteError::Refused(why)) if why.contains("control.file_bytes")),
        "{refused:?}"
    );
    assert_eq!(folder.text(), before);
    gateway.puts("G", &["B"]).await;
    gateway.stop();
}
