//! A feed in memory, behind the same seam as a database or a log.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::*;
use crate::router::Topics;
use crate::source::{Ingest, IngestHandle};
use floodway_core::event;
use floodway_core::history;
use floodway_core::inbox::{Inbox, Item};
use floodway_core::index::{ConnectionPermit, Index, Limits, SourceNumber};
use floodway_core::shard::Backlog;
use floodway_protocol::EventId;

/// A log whose messages are numbered from 1 on.
#[derive(Default)]
struct Log {
    messages: Mutex<Vec<FeedMessage>>,
    /// Below this number nothing is kept any more.
    kept_from: AtomicU64,
    /// Links of this number and later ones live.
    link: AtomicU64,
    changed: Notify,
    reads: AtomicU64,
}

impl Log {
    fn append(&self, tenant: &str, device: &str) -> u64 {
        let mut messages = self.messages.lock().unwrap();
        let number = messages.last().map_or(0, |last| last.number) + 1;
        let payload = format!(r#"{{"metrics":{{"n":{number}}}}}"#).into();
        messages.push(FeedMessage {
            number,
            whose: Whose::Topic(Topics::default().topic_of(tenant, device).into()),
            payload,
        });
        self.changed.notify_waiters();
        number
    }

    fn cut(&self) {
        self.link.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    fn last(&self) -> u64 {
        self.messages.lock().unwrap().last().map_or(0, |last| last.number)
    }

    fn between(&self, after: u64, until: u64, most: usize) -> Vec<FeedMessage> {
        let kept_from = self.kept_from.load(Ordering::SeqCst);
        let is_asked =
            |message: &&FeedMessage| message.number > after.max(kept_from.max(1) - 1) && message.number <= until;
        let messages = self.messages.lock().unwrap();
        messages.iter().filter(is_asked).take(most).cloned().collect()
    }
}

#[derive(Clone)]
struct InMemory(Arc<Log>);

struct Link {
    log: Arc<Log>,
    number: u64,
    at: u64,
}

impl Feed for InMemory {
    type Link = Link;

    fn kind(&self) -> &'static str {
        "memory"
    }

    fn endpoints(&self) -> Vec<String> {
        vec!["memory://log".to_owned()]
    }

    fn backoff_max(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn is_numbered(&self) -> bool {
        true
    }

    async fn open(&mut self, _: usize, after: Option<u64>) -> Result<Opened<Link>, FeedError> {
        let (log, last) = (Arc::clone(&self.0), self.0.last());
        let behind = after.map_or(last, |after| after.min(last));
        let kept_from = log.kept_from.load(Ordering::SeqCst);
        let has_lost = after.is_some_and(|after| after > last || after + 1 < kept_from);
        let link = Link { number: log.link.load(Ordering::SeqCst), log, at: behind };
        Ok(Opened { link, behind, has_lost })
    }
}

impl FeedLink for Link {
    type Reader = InMemory;

    async fn next(&mut self) -> Result<Vec<FeedMessage>, FeedError> {
        loop {
            let changed = self.log.changed.notified();
            if self.log.link.load(Ordering::SeqCst) != self.number {
                return Err(FeedError { result: Attempt::Broken, text: "cut".to_owned() });
            }
            let messages = self.log.between(self.at, u64::MAX, 3);
            if let Some(last) = messages.last() {
                self.at = last.number;
                return Ok(messages);
            }
            changed.await;
        }
    }

    fn reader(&self) -> InMemory {
        InMemory(Arc::clone(&self.log))
    }
}

impl FeedReader for InMemory {
    async fn read(&self, tenant: &TenantId, after: u64, until: u64, _: usize) -> Result<Page, FeedError> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        let is_of = |message: &FeedMessage| match &message.whose {
            Whose::Topic(topic) => topic.starts_with(&format!("tenant/{tenant}/")),
            Whose::Device(..) | Whose::Nobody(_) => false,
        };
        let mut messages = self.0.between(after, until, usize::MAX);
        messages.retain(is_of);
        let is_last = messages.len() <= 2;
        messages.truncate(2);
        Ok(Page { messages, kept_from: self.0.kept_from.load(Ordering::SeqCst), is_last })
    }
}

struct Bed {
    log: Arc<Log>,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    ingest: Ingest,
    source: IngestHandle,
}

impl Bed {
    fn new(before: &[&str], history: history::Config) -> Self {
        let log = Arc::<Log>::default();
        for tenant in before {
            log.append(tenant, "A");
        }
        let index = Arc::new(Index::with_history(10, Limits::default(), history));
        let inboxes: Arc<[Inbox]> = [Inbox::new(100)].into();
        let source = FeedSource::new(
            InMemory(Arc::clone(&log)),
            Arc::clone(&index),
            SourceNumber::default(),
            &history,
            Arc::default(),
        );
        let ingest = Ingest::start(
            vec![Box::new(source)],
            event::Config::default(),
            Arc::clone(&index),
            Arc::clone(&inboxes),
            None,
        );
        let ingest = ingest.unwrap();
        Self { log, index, inboxes, source: ingest.handle(), ingest }
    }

    /// A stream of `tenant` on the one shard.
    async fn stream(&self, tenant: &str) -> ConnectionPermit {
        let permit = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.source.confirmed(permit.tenant()).await.unwrap();
        permit.tenant().declare(0);
        permit
    }

    /// What comes next to the shard: ids of events, and what happened to the source.
    async fn next(&self) -> String {
        loop {
            match self.inboxes[0].take() {
                Some(Item::Event(event, _)) => return event.id().to_string(),
                Some(Item::UpstreamGap(..)) => return "gap".to_owned(),
                Some(Item::Upstream(notice, _)) => return format!("{:?}", notice.state).to_lowercase(),
                None => tokio::task::yield_now().await,
            }
        }
    }

    async fn expect(&self, expected: &str) {
        for word in expected.split(' ') {
            assert_eq!(self.next().await, word, "of {expected}");
        }
    }

    async fn back(&self, permit: &ConnectionPermit, after: u64) -> Option<Backlog> {
        self.source.read_back(permit.tenant(), EventId::new(after)).await
    }
}

fn ids(backlog: &Backlog) -> Vec<u64> {
    let events = backlog.given.events().iter().map(|event| event.id().get());
    events.filter(|&id| id > backlog.after.get()).collect()
}

#[tokio::test]
async fn events_have_the_numbers_of_the_feed_and_a_cut_loses_none() {
    let bed = Bed::new(&["T", "U"], history::Config::default());
    let _stream = bed.stream("T").await;
    for tenant in ["T", "U", "T"] {
        bed.log.append(tenant, "A");
    }
    bed.expect("3 5").await;
    bed.log.cut();
    bed.log.append("T", "A");
    bed.expect("down up 6").await;
    bed.ingest.stop();
}

#[tokio::test]
async fn what_the_feed_has_lost_meanwhile_is_a_gap() {
    let bed = Bed::new(&["T"], history::Config::default());
    let _stream = bed.stream("T").await;
    bed.log.append("T", "A");
    bed.expect("2").await;
    bed.log.kept_from.store(4, Ordering::SeqCst);
    bed.log.cut();
    bed.expect("down gap up").await;
    bed.log.append("T", "A");
    bed.log.append("T", "A");
    bed.expect("4").await;
    bed.ingest.stop();
}

#[tokio::test]
async fn a_feed_that_begins_anew_has_smaller_numbers_behind_a_gap() {
    let bed = Bed::new(&["T", "T", "T"], history::Config::default());
    let stream = bed.stream("T").await;
    bed.log.append("T", "A");
    bed.expect("4").await;
    bed.log.messages.lock().unwrap().clear();
    bed.log.cut();
    bed.expect("down gap up").await;
    bed.log.append("T", "A");
    bed.expect("1").await;
    assert!(bed.back(&stream, 4).await.is_none(), "a number of the feed before");
    bed.ingest.stop();
}

#[tokio::test]
async fn what_was_before_this_gateway_is_read_from_the_feed_once_for_all() {
    let bed = Bed::new(&["T", "U", "T", "T", "U", "T", "T"], history::Config::default());
    let stream = bed.stream("T").await;
    let (first, second) = tokio::join!(bed.back(&stream, 1), bed.back(&stream, 3));
    assert_eq!(ids(&first.unwrap()), [3, 4, 6, 7]);
    assert_eq!(ids(&second.unwrap()), [4, 6, 7]);
    assert_eq!(bed.log.reads.load(Ordering::SeqCst), 2, "two pages of two");
    assert!(bed.back(&stream, 7).await.is_none(), "history holds what follows");
    bed.ingest.stop();
}

#[tokio::test]
async fn what_the_feed_does_not_keep_or_is_too_much_is_reported_as_lost() {
    let small = history::Config { read_back_events: 2.try_into().unwrap(), ..history::Config::default() };
    let bed = Bed::new(&["T", "T", "T", "T", "T", "T"], small);
    let stream = bed.stream("T").await;
    let backlog = bed.back(&stream, 1).await.unwrap();
    assert_eq!((ids(&backlog), backlog.lost), (vec![5, 6], Some(Some(3))));
    bed.log.kept_from.store(6, Ordering::SeqCst);
    let backlog = bed.back(&stream, 0).await.unwrap();
    assert_eq!((ids(&backlog), backlog.lost), (vec![6], Some(None)));
    let backlog = bed.back(&stream, 5).await.unwrap();
    assert_eq!((ids(&backlog), backlog.lost), (vec![6], None), "nothing behind it is gone");
    bed.ingest.stop();
}

#[tokio::test]
async fn who_comes_from_a_gateway_that_is_ahead_waits_until_this_one_is_as_far() {
    let bed = Bed::new(&["T"], history::Config::default());
    let stream = bed.stream("T").await;
    let publish = async {
        tokio::task::yield_now().await;
        bed.log.append("U", "A");
        bed.log.append("T", "A");
    };
    let (backlog, ()) = tokio::join!(bed.back(&stream, 3), publish);
    assert!(backlog.is_none());
    let located = stream.tenant().history().locate(Some(EventId::new(3)), std::time::Instant::now());
    assert!(matches!(located, history::Located::Behind(_)), "{located:?}");
    bed.ingest.stop();
}
