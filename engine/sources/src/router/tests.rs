//! Messages go in, and what lies in the inboxes of three shards is looked at.

use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use floodway_core::event::Rejection;
use floodway_core::history::{self, Eviction};
use floodway_core::index::{ConnectionPermit, Limits, Slot};

struct Bed {
    router: Router,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
}

fn bed() -> Bed {
    bed_with_room_for(2)
}

fn bed_with_room_for(items: usize) -> Bed {
    bed_with(Index::new(100, Limits { connections: 0, ..Limits::default() }), items)
}

fn bed_with(index: Index, items: usize) -> Bed {
    let index = Arc::new(index);
    let inboxes: Arc<[Inbox]> = (0..3).map(|_| Inbox::new(items)).collect();
    let metrics = Arc::new(Metrics::default());
    let config = event::Config::default();
    let router = Router::new(&config, Arc::clone(&index), Arc::clone(&inboxes), Arc::clone(&metrics));
    Bed { router, index, inboxes, metrics }
}

impl Bed {
    async fn publish_of(&mut self, device: &str) {
        let topic = format!("tenant/T/device/{device}/telemetry");
        self.router.publish(&message(topic.as_bytes(), GOOD)).await;
        self.router.wake_shards();
    }

    /// Whether the first shard was woken since this was last asked.
    async fn is_woken(&self) -> bool {
        let mut woken = std::pin::pin!(self.inboxes[0].filled());
        std::future::poll_fn(|cx| std::task::Poll::Ready(woken.as_mut().poll(cx).is_ready())).await
    }

    fn enter(&self, tenant: &str) -> ConnectionPermit {
        self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap()
    }

    fn take(&self, shard: usize) -> Option<Arc<Event>> {
        match self.inboxes[shard].take()? {
            Item::Event(event, _) => Some(event),
            other => panic!("{other:?} where an event was expected"),
        }
    }
}

fn rejected(counts: &Snapshot, reason: Reason) -> u64 {
    let of = counts.rejected.iter().find(|(of, _)| *of == reason);
    of.expect("every reason is counted").1
}

/// A message on a topic of the usual form, or one that is none.
fn message<'a>(topic: &'a [u8], payload: &'a [u8]) -> RawMessage<'a> {
    static USUAL: LazyLock<Topics> = LazyLock::new(Topics::default);
    RawMessage::new(&USUAL, topic, payload)
}

const GOOD: &[u8] = br#"{"metrics":{"t":1}}"#;

#[tokio::test]
async fn an_event_reaches_each_interested_shard_once_and_is_shared() {
    let mut bed = bed();
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    permit.tenant().declare(2);
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    let (first, second) = (bed.take(0).unwrap(), bed.take(2).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!((first.tenant().as_str(), first.device()), ("T", "D"));
    assert!(bed.inboxes.iter().all(Inbox::is_empty));
    assert_eq!(permit.tenant().declare(1), 1, "it is stored");
    assert_eq!(permit.tenant().history().view().id_at(1), Some(first.id()));
}

#[tokio::test]
async fn events_nobody_wants_are_counted_and_go_nowhere() {
    let mut bed = bed();
    let permit = bed.enter("T");
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    bed.router.publish(&message(b"tenant/STRANGER/device/D/telemetry", GOOD)).await;
    bed.router.publish(&message(b"tenant/STRANGER/device/D/telemetry", b"[]")).await;
    assert!(bed.inboxes.iter().all(Inbox::is_empty));
    assert_eq!(permit.tenant().declare(0), 1, "the first one is stored all the same");
    let counts = bed.metrics.snapshot(false);
    assert_eq!((counts.received, counts.accepted), (3, 2));
    assert_eq!(rejected(&counts, Reason::Payload(Rejection::NotAnObject)), 1);
    assert_eq!(counts.bytes, 2 * GOOD.len() as u64 + 2);
}

#[tokio::test]
async fn bad_input_is_counted_by_reason_and_the_next_event_arrives() {
    let mut bed = bed();
    let permit = bed.enter("T");
    permit.tenant().declare(1);
    bed.router.publish(&message(b"tenant/T/device/D/status", GOOD)).await;
    bed.router.publish(&message(b"tenant/T/device/\xff/telemetry", GOOD)).await;
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", b"{")).await;
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", br#"{"metrics":[]}"#)).await;
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    let counts = bed.metrics.snapshot(false);
    assert_eq!(rejected(&counts, Reason::Topic), 2);
    assert_eq!(rejected(&counts, Reason::Payload(Rejection::NotJson)), 1);
    assert_eq!(rejected(&counts, Reason::Payload(Rejection::MetricsNotAnObject)), 1);
    assert_eq!(counts.received, counts.accepted + counts.rejected.iter().map(|(_, n)| n).sum::<u64>());
    assert!(bed.take(1).is_some());
    assert!(bed.take(1).is_none());
}

#[tokio::test]
async fn a_gap_keeps_its_place_between_two_events() {
    let mut bed = bed();
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    bed.router.upstream_gap(permit.tenant()).await;
    assert!(bed.inboxes[1].is_empty(), "a shard without subscribers of the tenant gets nothing");
    assert!(matches!(bed.inboxes[0].take(), Some(Item::Event(..))));
    assert!(matches!(bed.inboxes[0].take(), Some(Item::UpstreamGap(of, _)) if Arc::ptr_eq(&of, permit.tenant())));
}

#[tokio::test]
async fn subscribers_get_the_states_of_the_source_in_order() {
    let mut bed = bed_with_room_for(10);
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    let states = [SourceState::Down, SourceState::Refused, SourceState::Up];
    let times = [1, 2, 3].map(|second| SystemTime::UNIX_EPOCH + Duration::from_secs(second));
    for (state, since) in states.into_iter().zip(times) {
        bed.router.upstream_state(permit.tenant(), state, since).await;
    }
    bed.router.wake_shards();
    assert!(bed.is_woken().await);
    for (state, since) in states.into_iter().zip(times) {
        let Some(Item::Upstream(of, _)) = bed.inboxes[0].take() else {
            panic!("{state:?} gets nothing");
        };
        assert!(Arc::ptr_eq(&of.tenant, permit.tenant()));
        assert_eq!((of.state, of.since), (state, since));
    }
    assert!(bed.inboxes[1].is_empty(), "nobody listens there");
}

#[tokio::test]
async fn a_shard_is_woken_only_for_a_device_that_it_awaits_and_before_its_inbox_is_full() {
    let mut bed = bed_with_room_for(100);
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    let slot = Slot::of("D");
    permit.tenant().wake_filter().set(0, Some(slot), true);
    assert_ne!(slot, Slot::of("E"), "the two differ");
    for (device, wakes) in [("E", false), ("D", true), ("E", false)] {
        bed.publish_of(device).await;
        assert_eq!(bed.is_woken().await, wakes);
    }
    while bed.inboxes[0].len() < 49 {
        bed.publish_of("E").await;
    }
    assert!(!bed.is_woken().await);
    bed.publish_of("E").await;
    assert!(bed.is_woken().await, "long before anybody has to wait");
}

#[tokio::test]
async fn messages_that_come_together_wake_a_shard_once_they_are_all_there() {
    let mut bed = bed_with_room_for(100);
    let permit = bed.enter("T");
    permit.tenant().wake_filter().set(0, None, true);
    permit.tenant().declare(0);
    for _ in 0..10 {
        bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
        assert!(!bed.is_woken().await);
    }
    bed.router.wake_shards();
    assert!(bed.is_woken().await);
    bed.router.wake_shards();
    assert!(!bed.is_woken().await, "nothing has come since");
    for _ in 0..GATHERED {
        assert!(!bed.is_woken().await);
        bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    }
    assert!(bed.is_woken().await, "the first of many waits no longer");
}

#[tokio::test]
async fn a_full_inbox_makes_the_router_wait_and_loses_nothing() {
    let mut bed = bed();
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    let inboxes = Arc::clone(&bed.inboxes);
    let shard = tokio::spawn(async move {
        let mut ids = Vec::new();
        while ids.len() < 50 {
            inboxes[0].filled().await;
            while let Some(Item::Event(event, _)) = inboxes[0].take() {
                ids.push(event.id());
            }
            inboxes[0].made_room();
        }
        ids
    });
    for _ in 0..50 {
        bed.router.publish(&message(b"tenant/T/device/D/telemetry", GOOD)).await;
    }
    let ids = shard.await.unwrap();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
}

#[tokio::test]
async fn where_everything_comes_a_tenant_is_kept_for_its_last_values() {
    let mut bed = bed();
    bed.router.keeps_all = true;
    bed.publish_of("D").await;
    let tenant = bed.index.find("T").expect("it is kept though nobody is there");
    let values = tenant.history().last_values(None, tenant.newest() + 1, Instant::now());
    assert_eq!(values.events().map(|event| event.device()).collect::<Vec<_>>(), ["D"]);
    assert!(!tenant.is_forgotten());
}

#[tokio::test]
async fn what_a_source_had_kept_is_a_last_value_and_no_event() {
    let (mut bed, topics) = (bed(), Topics::default());
    let permit = bed.enter("T");
    permit.tenant().declare(0);
    bed.publish_of("KNOWN").await;
    let live = bed.take(0).expect("an event");
    for topic in ["tenant/T/device/KNOWN/telemetry", "tenant/T/device/NEW/telemetry", "tenant/U/device/NEW/telemetry"] {
        bed.router.retained(&RawMessage::new(&topics, topic.as_bytes(), GOOD));
    }
    bed.router.retained(&RawMessage::new(&topics, b"tenant/T/device/BAD/telemetry", b"{"));
    assert!(bed.inboxes.iter().all(Inbox::is_empty));
    let tenant = permit.tenant();
    let values = tenant.history().last_values(None, tenant.newest() + 1, Instant::now());
    let devices: Vec<_> = values.events().map(|event| event.device()).collect();
    assert_eq!(devices, ["NEW", "KNOWN"]);
    assert!(values.events().any(|event| Arc::ptr_eq(event, &live)), "what it published stays");
    let counts = bed.metrics.snapshot(false);
    assert_eq!((counts.received, counts.accepted, rejected(&counts, Reason::Retained)), (5, 1, 3));
    assert_eq!(rejected(&counts, Reason::Payload(Rejection::NotJson)), 1);
    assert!(bed.index.find("U").is_none(), "nobody is there");
    bed.router.keeps_all = true;
    bed.router.retained(&RawMessage::new(&topics, b"tenant/U/device/NEW/telemetry", GOOD));
    assert!(!bed.index.find("U").expect("it is kept").is_forgotten());
}

#[tokio::test]
async fn all_histories_together_are_bounded_and_those_go_first_that_nobody_is_there_for() {
    let config = history::Config { total_bytes: 100_000, ..history::Config::default() };
    let mut bed = bed_with(Index::with_history(10, Limits::default(), config), 1000);
    bed.router.keeps_all = true;
    let permit = bed.enter("U");
    bed.router.publish(&message(b"tenant/U/device/D/telemetry", GOOD)).await;
    for n in 0..500 {
        let topic = format!("tenant/T{}/device/D/telemetry", n % 5);
        bed.router.publish(&message(topic.as_bytes(), GOOD)).await;
        let counts = bed.index.histories().counts();
        assert!(counts.bytes + counts.last_value_bytes <= 100_000);
    }
    assert!(bed.index.histories().counts().evicted[Eviction::Budget as usize] > 0);
    assert_eq!(permit.tenant().held().0, 1, "of the tenant with a stream nothing had to go");
}

#[test]
fn of_a_numbered_array_the_last_event_has_the_number_and_what_is_no_event_does_not_count() {
    let mut bed = bed_with_room_for(9);
    let permit = bed.enter("T");
    let mut ids = |payload: &[u8]| {
        let message = message(b"tenant/T/device/D/telemetry", payload);
        let events = bed.router.given_back(permit.tenant(), &message, 9);
        events.iter().map(|event| event.id().get()).collect::<Vec<_>>()
    };
    assert_eq!(ids(GOOD), [9]);
    assert_eq!(ids(br#"[{"metrics":{"t":1}},{"metrics":{"t":2}},{"metrics":{"t":3}}]"#), [8, 8, 9]);
    assert_eq!(ids(br#"[{"metrics":{"t":1}},5,{"metrics":{"t":2}},{"metrics":5},6]"#), [8, 9]);
    assert_eq!(ids(b"[1,2]"), [0_u64; 0]);
}
