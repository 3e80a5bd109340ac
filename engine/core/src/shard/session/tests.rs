//! Tests of `shard::session`.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::input::RefreshTokens;
use super::super::test_kit::{Peer, frames, new_subscriber};
use super::super::{Config, Shard, TimeSource};
use super::*;
use crate::inbox::Inbox;
use crate::index::{Index, Limits};
use floodway_protocol::names::TenantId;

const FIRST: SubscriberKey = SubscriberKey(0);

/// Good for a tenant until the second that it names. Counts those that it is asked for.
#[derive(Default)]
struct Numbers(AtomicU64);

impl RefreshTokens for Numbers {
    fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let refused = || RefreshError::Refused(End::BadToken(format!("not for {tenant}")));
        match token {
            "later" => Err(RefreshError::KeyAwaited),
            _ => token.parse().map_err(|_| refused()),
        }
    }
}

/// A shard, and the peer of its one subscriber.
fn shard(config: &Config, tokens: Arc<Numbers>) -> (Rc<Shard>, Rc<Peer>) {
    let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
    let shard = Shard::new(0, config, inboxes, Arc::default(), tokens, TimeSource::MACHINE).unwrap();
    let index = Index::new(1, Limits::default());
    let peer = Rc::new(Peer::default());
    let new_subscriber = new_subscriber(&index, "T", None, &peer);
    shard.attach(new_subscriber).unwrap();
    (shard, peer)
}

#[test]
fn actions_are_answered_in_order_up_to_the_one_that_ends_the_stream() {
    let (shard, peer) = shard(&Config::default(), Arc::default());
    let mut asked = frames([
        r#"{"action":"subscribe","device_id":"A","group_ids":["G"]}"#,
        r#"{"action":"refresh","token":"7"}"#,
        r#"{"action":"refresh","token":"later"}"#,
        r#"{"action":"get_filters"}"#,
    ]);
    shard.state().receive(FIRST, &mut asked);
    assert_eq!(shard.state().registry[FIRST].live().unwrap().expires_at, 7);
    let mut asked = frames([r#"{"action":"refresh","token":"bad"}"#, r#"{"action":"ping"}"#]);
    shard.state().receive(FIRST, &mut asked);
    let text = peer.text();
    let mut rest = text.as_str();
    for answer in [
        r#"{"type":"subscribed","device_id":"A"}"#,
        r#"{"type":"subscribed","group_ids":["G"]}"#,
        r#"{"type":"refreshed","expires_at":"1970-01-01T00:00:07Z"}"#,
        r#"{"type":"error","message":"Key of the token is not known yet"#,
        r#"{"type":"filters","filters":{"device_ids":["A"],"group_ids":["G"],"#,
        "not for T",
    ] {
        rest = rest.split_once(answer).expect(answer).1;
    }
    assert_eq!(rest, "", "nothing follows the close");
}

#[test]
fn what_a_client_asks_behind_answers_that_it_does_not_read_is_not_executed() {
    let config = Config { control_bytes: 100, ..Config::default() };
    let tokens = Arc::<Numbers>::default();
    let (shard, peer) = shard(&config, Arc::clone(&tokens));
    peer.set_window(0);
    let ping = r#"{"action":"ping"}"#;
    let pings = std::iter::repeat_n(ping, 20);
    let last = r#"{"action":"refresh","token":"7"}"#;
    let mut asked = frames(pings.chain([last]));
    let mut state = shard.state();
    state.receive(FIRST, &mut asked);
    assert!(!state.is_live(FIRST));
    // A leaving client is not listened to.
    state.receive(FIRST, &mut frames([last]));
    assert_eq!(tokens.0.load(Ordering::Relaxed), 0);
}
