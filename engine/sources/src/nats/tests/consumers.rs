//! Links that break, and streams that change under them.

use super::*;

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_came_meanwhile() {
    let server = Server::start("").await;
    let mut feed = nats(server.config());
    let mut opened = feed.link(None).await;
    server.count("T", "D", 0..3).await;
    assert_eq!(numbers(&opened.link.read(3).await), [1, 2, 3]);
    drop(opened);
    server.count("T", "D", 3..6).await;
    for mut feed in [feed, nats(server.config())] {
        let mut opened = feed.link(Some(3)).await;
        assert_eq!((opened.behind, opened.has_lost), (3, false));
        assert_eq!(numbers(&opened.link.read(3).await), [4, 5, 6]);
    }
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_made_anew_and_nothing_is_missing() {
    let server = Server::start("").await;
    let mut opened = nats(server.config()).link(None).await;
    server.count("T", "D", 0..3).await;
    assert_eq!(opened.link.read(3).await.len(), 3);
    let consumers = server.ask("CONSUMER.NAMES.floodway", json!({})).await;
    let consumer = consumers["consumers"][0].as_str().expect("a consumer");
    server.ask(&format!("CONSUMER.DELETE.floodway.{consumer}"), json!({})).await;
    server.count("T", "D", 3..6).await;
    assert_eq!(numbers(&opened.link.read(3).await), [4, 5, 6]);
}

#[tokio::test]
async fn a_server_that_is_back_soon_is_read_on_without_an_error() {
    let mut server = Server::start("").await;
    let mut opened = nats(server.config()).link(None).await;
    server.count("T", "D", 0..3).await;
    assert_eq!(opened.link.read(3).await.len(), 3);
    server.restart().await;
    server.count("T", "D", 3..6).await;
    assert_eq!(numbers(&opened.link.read(3).await), [4, 5, 6]);
}

#[tokio::test]
async fn a_server_that_stays_away_ends_the_link() {
    let mut server = Server::start("").await;
    let config = Config {
        repair: Duration::from_millis(500),
        request_timeout: Duration::from_millis(500),
        ..server.config()
    };
    let mut opened = nats(config).link(None).await;
    server.kill();
    let error = within("an error", opened.link.next()).await.expect_err("no server");
    assert!(matches!(error.result, Attempt::Broken | Attempt::Timeout), "{error}");
}

#[tokio::test]
async fn waiting_for_messages_may_be_given_up_at_any_time() {
    let server = Server::start("").await;
    let mut opened = nats(server.config()).link(None).await;
    let mut messages = Vec::new();
    for n in 0..50 {
        let published = server.count("T", "D", n..n + 1);
        // Whichever is ready first, the other is dropped where it stands.
        tokio::select! {
            came = opened.link.next() => messages.extend(came.expect("no error")),
            () = published => {}
        }
    }
    server.count("T", "E", 0..1).await;
    while messages
        .last()
        .is_none_or(|last: &FeedMessage| last.whose != Whose::Topic("tenant/T/device/E/telemetry".into()))
    {
        messages.extend(opened.link.read(1).await);
    }
    let count = messages.len() as u64;
    assert_eq!(numbers(&messages), (1..=count).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_that_was_made_anew_ends_the_link_and_counts_as_a_loss() {
    let server = Server::start("").await;
    let mut feed = nats(server.config());
    let mut opened = feed.link(None).await;
    server.count("T", "D", 0..3).await;
    assert_eq!(opened.link.read(3).await.len(), 3);
    let config = server.ask("STREAM.INFO.floodway", json!({})).await["config"].take();
    server.ask("STREAM.DELETE.floodway", json!({})).await;
    server.ask("STREAM.CREATE.floodway", config).await;
    server.count("T", "D", 0..5).await;
    let error = within("an error", opened.link.next()).await.expect_err("another stream");
    assert!(error.text.contains("made anew") || error.text.contains("gone"), "{error}");
    let opened = feed.link(Some(3)).await;
    assert_eq!((opened.behind, opened.has_lost), (5, true));
}

#[tokio::test]
async fn what_was_dropped_before_it_was_read_counts_as_a_loss() {
    let server = Server::start("").await;
    drop(nats(server.config()).link(None).await);
    server.count("T", "D", 0..10).await;
    server.ask("STREAM.PURGE.floodway", json!({"seq": 8})).await;
    let mut opened = nats(server.config()).link(Some(3)).await;
    assert!(opened.has_lost);
    assert_eq!(numbers(&opened.link.read(3).await), [8, 9, 10]);
}
