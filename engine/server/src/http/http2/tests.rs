//! A connection whose client reads no answer.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use super::super::pending::Pending;
use super::super::shard_context::Shared;
use super::*;
use crate::readiness::Readiness;
use crate::{auth, http};
use floodway_core::inbox::Inbox;
use floodway_core::index::{Index, Limits};
use floodway_core::shard::{Shard, TimeSource};
use floodway_core::{event, shard};
use floodway_sources::mqtt::{self, Mqtt};
use floodway_sources::source::{Ingest, Source};

/// `GET /livez` over HTTP/2, by a client that leaves no room for the answer (RFC 9113, 6.5.2).
const WITHOUT_ROOM: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\
    \x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x86\x04\x06/livez\x41\x01x";

/// A context whose clients have little time, and an ingest without a broker.
fn shard_context() -> (Rc<ShardContext>, Ingest) {
    let stream = shard::Config::default();
    let index = Arc::new(Index::new(0, Limits::default()));
    let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
    let mqtt = mqtt::Config { urls: vec!["mqtt://127.0.0.1:1".to_owned()], ..mqtt::Config::default() };
    let mqtt = Mqtt::new(mqtt, Arc::clone(&index), None).unwrap();
    let sources: Vec<Box<dyn Source>> = vec![Box::new(mqtt)];
    let ingest = Ingest::start(sources, event::Config::default(), Arc::clone(&index), Arc::clone(&inboxes), None);
    let ingest = ingest.unwrap();
    let auth = auth::Config { hs256_secret: Some("x".repeat(32)), ..auth::Config::default() };
    let verifier = Arc::new(auth::Verifier::start(&auth).unwrap());
    let shared = Shared {
        http: http::Config { header_timeout: Duration::from_millis(100), ..http::Config::default() },
        stream: stream.clone(),
        readiness: Readiness::new(Arc::clone(&index), ingest.handle(), Arc::clone(&verifier)),
        verifier,
        index,
        source: ingest.handle(),
        refusals: Arc::default(),
        tls: None,
    };
    let tokens = Arc::clone(&shared.verifier);
    let shard = Shard::new(0, &stream, inboxes, Arc::default(), tokens, TimeSource::MACHINE).unwrap();
    (Rc::new(ShardContext::new(shared, shard)), ingest)
}

#[tokio::test]
async fn an_http_2_answer_that_is_not_read_keeps_no_connection() {
    let (shard_context, ingest) = shard_context();
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    client.write_all(WITHOUT_ROOM).await.unwrap();
    let ticket = Pending::new(1).admit().await;
    let peer = Peer { address: None, tls: false };
    let tasks = tokio::task::LocalSet::new();
    let served = tasks.run_until(serve(server, peer, &ticket, &shard_context));
    let served = timeout(Duration::from_secs(5), served).await;
    assert!(served.expect("it is cut").is_err());
    ingest.stop();
}
