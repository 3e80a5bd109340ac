//! A reader of events, fed by a shard that runs beside the test.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::task::yield_now;

use super::super::test_kit::{Peer, new_subscriber, on_one_thread, run_beside};
use super::super::{Handle, Metrics, NewSubscriber, Outlet, Select};
use super::*;
use crate::event::{self, Parser};
use crate::inbox::{Inbox, Item, SourceNotice};
use crate::index::{Index, Limits, Overflow};
use floodway_protocol::EventId;
use floodway_protocol::messages::notice::{Gap, SourceState};
use floodway_protocol::names::TenantId;

/// What fits into the ring.
const RING: u64 = 3;

struct Bed {
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
    index: Index,
    handle: Handle,
    sent: u64,
}

impl Bed {
    /// A shard, and a reader of all events of T.
    fn new(overflow: Overflow) -> (Self, mpsc::Receiver<Received>) {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1024)]);
        let (shard, handle) = run_beside(0, &inboxes);
        let metrics = Arc::clone(&shard.state().delivery.metrics);
        let limits = Limits {
            queue_size: NonZeroUsize::new(RING as usize).unwrap(),
            overflow,
            ..Limits::default()
        };
        let index = Index::new(u32::MAX, limits);
        let (queue, events) = EventPipe::queue();
        let new = NewSubscriber {
            outlet: Outlet::Pipe(Box::new(EventPipe::new(queue))),
            head: b": nothing to a reader of events\n\n".to_vec(),
            ..new_subscriber(&index, "T", None, &Rc::new(Peer::default()))
        };
        shard.attach(new).unwrap();
        let bed = Self { inboxes, metrics, index, handle, sent: 0 };
        (bed, events)
    }

    /// So many more events are on their way to the shard.
    async fn publish(&mut self, count: u64) {
        let tenant = TenantId::parse("T").unwrap();
        for _ in 0..count {
            self.sent += 1;
            let payload = format!(r#"{{"metrics":{{"n":{}}}}}"#, self.sent);
            let mut parser = Parser::new(&event::Config::default());
            let id = EventId::new(self.sent);
            let event = parser.parse(id, &tenant, "A", "t", payload.as_bytes());
            let event = Arc::new(event.unwrap());
            let (position, _) = self.index.find("T").unwrap().append(&event);
            self.put(Item::Event(event, position)).await;
        }
        while self.metrics.events.matched.get() < self.sent {
            yield_now().await;
        }
    }

    async fn put(&self, item: Item) {
        self.inboxes[0].put(item).await;
        self.inboxes[0].wake();
    }

    /// Counts: matched, delivered, dropped, held.
    fn ledger(&self) -> [u64; 4] {
        let metrics = &self.metrics;
        let counts =
            [&metrics.events.matched, &metrics.events.delivered, &metrics.events.dropped, &metrics.events.held];
        counts.map(|count| count.get())
    }
}

/// The id of an event, or the gap.
async fn next(events: &mut mpsc::Receiver<Received>) -> Result<u64, Gap> {
    match events.recv().await.expect("an item") {
        Received::Event(event, metrics) => {
            let id = event.id().get();
            let json = event.json_with(metrics.as_ref()).expect("all of it");
            let metric = format!(r#""metrics":{{"n":{id}}}"#);
            assert!(String::from_utf8_lossy(json).contains(&metric), "{json:?}");
            Ok(id)
        }
        Received::Gap(gap) => Err(gap),
    }
}

#[tokio::test]
async fn a_reader_that_lags_gets_a_gap_with_the_exact_count_at_its_place() {
    on_one_thread(async {
        let (mut bed, mut events) = Bed::new(Overflow::DropNewest);
        bed.publish(2).await;
        assert_eq!((next(&mut events).await, next(&mut events).await), (Ok(1), Ok(2)));
        assert_eq!(bed.metrics.streams.lagging.get(), 0, "it keeps up");
        let queue = QUEUE as u64;
        bed.publish(queue + RING + 7).await;
        assert_eq!(bed.ledger(), [9 + queue + RING, 2 + queue, 7, RING]);
        for id in 3..3 + queue + RING {
            assert_eq!(next(&mut events).await, Ok(id));
        }
        assert_eq!(next(&mut events).await, Err(Gap::Overflow(7)));
        bed.publish(1).await;
        assert_eq!(next(&mut events).await, Ok(bed.sent));
        assert_eq!(bed.ledger(), [bed.sent, bed.sent - 7, 7, 0]);
        assert_eq!(bed.metrics.gaps.overflow.get(), 1);
        assert_eq!(bed.metrics.streams.lagging.get(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_lags_under_latest_gets_both_turns() {
    on_one_thread(async {
        let (mut bed, mut events) = Bed::new(Overflow::Latest);
        let queue = QUEUE as u64;
        bed.publish(queue + RING + 7).await;
        for id in 1..=queue {
            assert_eq!(next(&mut events).await, Ok(id));
        }
        assert_eq!(next(&mut events).await, Err(Gap::Conflated(RING - 1)));
        assert_eq!(next(&mut events).await, Ok(bed.sent), "all are of one device");
        assert_eq!(next(&mut events).await, Err(Gap::Conflated(7)));
        bed.publish(1).await;
        assert_eq!(next(&mut events).await, Ok(bed.sent));
        assert_eq!(bed.metrics.gaps.conflated.get(), 2);
        assert_eq!(bed.metrics.events.conflated.get(), RING + 6);
        assert_eq!(bed.ledger(), [bed.sent, bed.sent - RING - 6, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_gap_of_the_broker_has_its_place_and_other_notices_are_nothing_to_a_reader() {
    on_one_thread(async {
        let (mut bed, mut events) = Bed::new(Overflow::DropOldest);
        let tenant = bed.index.find("T").unwrap();
        for is_lagging in [false, true] {
            if is_lagging {
                bed.publish(QUEUE as u64).await;
            }
            bed.publish(1).await;
            let mark = || tenant.append_mark(None, Instant::now()).0;
            let refused = SourceNotice {
                tenant: Arc::clone(&tenant),
                state: SourceState::Refused,
                since: SystemTime::now(),
            };
            bed.put(Item::Upstream(Arc::new(refused), mark())).await;
            bed.put(Item::UpstreamGap(Arc::clone(&tenant), mark())).await;
            bed.publish(1).await;
            while next(&mut events).await != Ok(bed.sent - 1) {}
            assert_eq!(next(&mut events).await, Err(Gap::Upstream));
            assert_eq!(next(&mut events).await, Ok(bed.sent));
        }
        assert_eq!(bed.metrics.gaps.upstream.get(), 2);
        assert_eq!(bed.ledger(), [bed.sent, bed.sent, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_ended_ends_behind_what_waits() {
    on_one_thread(async {
        let (mut bed, mut events) = Bed::new(Overflow::DropOldest);
        bed.publish(QUEUE as u64 + 2).await;
        let tenant = TenantId::parse("T").unwrap();
        assert_eq!(bed.handle.end(Select { tenant: Some(tenant), ..Select::default() }, "why").await, Ok(1));
        for id in 1..=bed.sent {
            assert_eq!(next(&mut events).await, Ok(id));
        }
        assert!(events.recv().await.is_none());
        assert_eq!(bed.ledger(), [bed.sent, bed.sent, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_goes_ends_its_stream() {
    on_one_thread(async {
        for lag in [0, QUEUE as u64 + 1] {
            let (mut bed, events) = Bed::new(Overflow::DropOldest);
            bed.publish(lag).await;
            drop(events);
            let all = Select { limit: 10, ..Select::default() };
            while !bed.handle.list(all.clone()).await.unwrap().is_empty() {
                yield_now().await;
            }
            let [matched, delivered, dropped, held] = bed.ledger();
            assert_eq!((matched, held), (delivered + dropped, 0));
        }
    })
    .await;
}
