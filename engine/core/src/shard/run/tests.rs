//! Tests of `shard::run`.

use super::super::keys::SubscriberKey;
use super::super::test_kit::{Peer, STANDING, new_subscriber, pass};
use super::super::timers::Due;
use super::super::{NoRefresh, clock::Tenths};
use super::*;
use crate::index::{Index, Limits};

#[test]
fn who_comes_while_the_shard_sleeps_has_not_been_silent_since_it_fell_asleep() {
    let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
    let (config, tokens) = (Config::default(), Arc::new(NoRefresh));
    let shard = Shard::new(0, &config, inboxes, Arc::default(), tokens, STANDING).unwrap();
    let slept = config.ws_ping * 3;
    pass(slept);

    let index = Index::new(1, Limits::default());
    let mut new_subscriber = new_subscriber(&index, "T", None, &Rc::new(Peer::default()));
    new_subscriber.head = b"hello".to_vec();
    shard.attach(new_subscriber).unwrap();

    let due = |shard: &Shard| {
        let state = shard.state();
        let subscriber = &state.registry[SubscriberKey(0)];
        let start = Tenths::default();
        assert_eq!(subscriber.output.last_write.since(start), slept);
        assert_eq!(subscriber.info.since.since(start), slept);
        let clock = &state.delivery.clock;
        state.timers.due(subscriber, clock, clock.wall())
    };
    assert_eq!(due(&shard), None);
    pass(config.ws_ping);
    assert_eq!(due(&shard), Some(Due::Heartbeat));
}
