//! What came before.

use super::*;

#[tokio::test]
async fn older_messages_of_one_tenant_are_read_in_pages() {
    let server = Server::start("").await;
    let opened = nats(server.config()).link(None).await;
    for round in 0..10 {
        server.count("a//b", "D", round..round + 1).await;
        server.count("a", "D", round..round + 1).await;
    }
    for most in [1, 3, 10, 1000] {
        let messages = opened.link.history("a.b", 20, most).await;
        assert_eq!(numbers(&messages), (0..10).map(|n| 2 * n + 1).collect::<Vec<_>>(), "pages of {most}");
        assert_eq!(messages[0], message(1, "tenant/a.b/device/D/telemetry", r#"{"n":0}"#));
    }
    assert_eq!(numbers(&opened.link.history("a", 7, 2).await), [2, 4, 6]);
    assert!(opened.link.history("nobody", 20, 10).await.is_empty());
}

#[tokio::test]
async fn what_a_stream_no_longer_holds_is_told() {
    let server = Server::start("").await;
    let opened = nats(server.config()).link(None).await;
    server.count("T", "D", 0..10).await;
    server.ask("STREAM.PURGE.floodway", json!({"seq": 5})).await;
    let (reader, tenant) = (opened.link.reader(), TenantId::parse("T").expect("a name"));
    let page = reader.read(&tenant, 1, 10, 100).await.expect("a page");
    assert_eq!((numbers(&page.messages), page.kept_from, page.is_last), ((5..=10).collect(), 5, true));
}

#[tokio::test]
async fn a_hostile_tenant_reads_nothing_of_others() {
    let server = Server::start("").await;
    let opened = nats(server.config()).link(None).await;
    server.count("T", "D", 0..3).await;
    for hostile in ["*", ">", "T *"] {
        assert!(opened.link.history(hostile, 3, 10).await.is_empty(), "{hostile}");
    }
}

#[tokio::test]
async fn a_stream_without_direct_reads_says_what_it_lacks() {
    let server = Server::start("").await;
    server
        .ask("STREAM.CREATE.floodway", json!({"name": "floodway", "subjects": ["tenant.>"]}))
        .await;
    let opened = nats(server.config()).link(None).await;
    server.count("T", "D", 0..1).await;
    let (reader, tenant) = (opened.link.reader(), TenantId::parse("T").expect("a name"));
    let error = within("an error", reader.read(&tenant, 0, 1, 10)).await.expect_err("no direct reads");
    assert!(error.text.contains("allow_direct"), "{error}");
}
