//! What `docs` says of the protocol, held against the gateway: the examples of the pages are sent and compared, and every
//! message in them is checked against the schemas.

mod page;
mod pattern;
mod player;
mod request;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use floodway_tests::process::{run, script};
use floodway_tests::{Broker, Gateway, token};
use serde_json::json;

use crate::admin::ask;

/// The pages with examples.
const PAGES: [&str; 4] = ["protocol.md", "protocol/actions.md", "protocol/streams.md", "protocol/http.md"];

/// Lines of one of them, at most.
const PAGE_LINES: usize = 250;

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

#[test]
fn a_page_is_read_in_one_sitting() {
    for page in PAGES {
        let lines = fs::read_to_string(page::docs().join(page)).expect("a page").lines().count();
        assert!(lines <= PAGE_LINES, "{page} has {lines} lines");
    }
}

/// What AsyncAPI publishes of its version 3.0, as `scripts/test` has installed it.
fn asyncapi_standard() -> PathBuf {
    let node = std::env::var_os("FLOODWAY_TEST_NODE").expect("run scripts/test: it installs what is missing");
    PathBuf::from(node).join("node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json")
}

/// One line for each document that the broker retains: its topic and itself.
async fn retained(broker: &Broker, documents: usize) -> String {
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", "127.0.0.1", "-p", &broker.port().to_string(), "-t", "floodway/#", "-v"]);
    command.args(["--retained-only", "-C", &documents.to_string()]);
    run("mosquitto_sub", command).await.succeeded()
}

#[tokio::test]
async fn the_documents_are_valid_and_complete_and_describe_what_a_broker_keeps() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let limits = json!({"connections_per_tenant": 0, "overflow": "OVERFLOW_POLICY_LATEST", "filter_ids": 7});
    ask(&gateway, "SetLimits", json!({"tenant_id": "acme", "limits": limits})).await;
    ask(&gateway, "SetLimits", json!({"limits": {"queue_size": 50}})).await;
    let group = json!({"tenant_id": "acme", "group_id": "pumps", "device_ids": ["pump-1"]});
    ask(&gateway, "PutGroup", json!({ "group": group })).await;

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("retained");
    // Two kinds of limits, a group, reserved ids, and the gateway's own status.
    fs::write(&file, retained(&broker, 5).await).expect("room on the disk");
    let mut command = script("check_documents.py");
    command.arg(page::docs()).arg(asyncapi_standard());
    command.arg(page::docs().join("../proto/floodway/admin/v1/admin.proto")).arg(&file);
    let told = run("check_documents.py", command).await.succeeded();
    assert!(told.ends_with("all is well\n"), "{told}");
}

/// Fails if an answer is none of those that the document describes, or a request is not judged as it says.
async fn is_as_documented(address: &str, token: &str, tags: &[&str]) {
    let mut command = script("check_http.py");
    command.arg(format!("http://{address}")).arg(page::docs().join("openapi.yaml"));
    command.arg(token).args(tags);
    run("check_http.py", command).await.succeeded();
}

#[tokio::test]
async fn http_answers_as_the_openapi_document_says_with_and_without_a_token() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("MAX_STREAM_CONNECTIONS_PER_TENANT", "1");
    let gateway = gateway.env("FLOODWAY_ADMIN_TOKEN", "s3cret").await;
    // It has the tenant's only place, so no request hangs on a stream.
    let _held = gateway.sse("acme", "").await;
    let (public, private) = (gateway.address().to_string(), gateway.admin());
    for token in ["", &token("acme").sign()] {
        is_as_documented(&public, token, &["streams", "health"]).await;
    }
    for token in ["", "s3cret"] {
        is_as_documented(&private, token, &["private"]).await;
    }
}
