//! What `docs` says of the protocol, held against the gateway: the examples of the pages are sent and compared, and every
//! message in them is checked against the schemas.

mod page;
mod pattern;
mod player;
mod request;

use std::fs;

use floodway_tests::process::{run, script};
use serde_json::json;

/// The pages with examples.
const PAGES: [&str; 4] = ["protocol.md", "protocol/actions.md", "protocol/streams.md", "protocol/http.md"];

#[tokio::test]
async fn the_examples_are_what_is_sent_and_answered_and_the_schemas_describe_it() {
    let mut seen = Vec::new();
    for example in PAGES.iter().flat_map(|page| page::examples(page)) {
        for (from, transport, text) in player::play(&example).await {
            seen.push(json!({"place": example.place, "from": from, "transport": transport, "text": text}).to_string());
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seen.jsonl");
    fs::write(&file, seen.join("\n")).expect("room on the disk");
    let mut command = script("check_messages.py");
    command.arg(page::docs().join("schemas")).arg(&file);
    let told = run("check_messages.py", command).await.succeeded();
    assert!(told.ends_with("all is well\n"), "{told}");
}
