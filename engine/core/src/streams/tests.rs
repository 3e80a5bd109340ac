//! All streams of two shards, seen as one.

use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::event::{self, Parser};
use crate::inbox::{Inbox, Item};
use crate::index::Limits;
use crate::shard::test_kit::{Peer, new_subscriber, on_one_thread, run_beside};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

const SHARDS: usize = 2;

struct Bed {
    shards: Vec<Rc<Shard>>,
    inboxes: Arc<[Inbox]>,
    streams: Streams,
}

impl Bed {
    /// Shards that run beside the test, on its thread.
    fn new() -> Self {
        let inboxes: Arc<[Inbox]> = (0..SHARDS).map(|_| Inbox::new(1)).collect();
        let (mut shards, mut handles) = (Vec::new(), Vec::new());
        for id in 0..SHARDS {
            let (shard, handle) = run_beside(id, &inboxes);
            shards.push(shard);
            handles.push(handle);
        }
        let limits = Limits { connections: 0, ..Limits::default() };
        let index = Arc::new(Index::new(u32::MAX, limits));
        let streams = Streams::new(handles, index);
        Self { shards, inboxes, streams }
    }

    /// Attaches `count` streams of `tenant`, unevenly: two on the first shard for each on the second.
    fn attach(&self, tenant: &str, count: usize) -> Vec<Rc<Peer>> {
        let attach = |nth: usize| {
            let peer = Rc::new(Peer::default());
            let new_subscriber = new_subscriber(self.streams.index(), tenant, Some("alice"), &peer);
            self.shards[nth % 3 % 2].attach(new_subscriber).unwrap();
            peer
        };
        (0..count).map(attach).collect()
    }

    /// An event of this tenant is on its way to each shard.
    async fn publish(&self, id: u64, tenant: &str) {
        let tenant = TenantId::parse(tenant).unwrap();
        let mut parser = Parser::new(&event::Config::default());
        let event = parser.parse(EventId::new(id), &tenant, "D", "t", br#"{"metrics":{"n":1}}"#);
        let event = Arc::new(event.unwrap());
        let found = self.streams.index().find(tenant.as_str()).unwrap();
        let (position, _) = found.append(&event);
        for inbox in self.inboxes.iter() {
            inbox.put(Item::Event(Arc::clone(&event), position)).await;
            inbox.wake();
        }
    }

    fn live(&self) -> u32 {
        self.streams.index().connections()
    }
}

fn select(limit: usize) -> Select {
    Select { limit, ..Select::default() }
}

#[tokio::test]
async fn pages_hold_every_stream_of_every_shard_once() {
    on_one_thread(async {
        let bed = Bed::new();
        let _peers = bed.attach("T", 301);
        let (mut seen, mut pages, mut asked) = (Vec::new(), 0, select(50));
        loop {
            let page = bed.streams.list(asked.clone()).await;
            pages += 1;
            seen.extend(page.connections.iter().map(|one| one.id));
            match page.next {
                Some(last) => asked.after = Some(last),
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (301, 7));
        assert!(seen.is_sorted_by(|one, next| one < next));
        for shard in 0..SHARDS {
            assert!(seen.iter().any(|id| id.shard() == shard));
        }
        for id in [seen[0], seen[300]] {
            assert_eq!(bed.streams.get(id).await.map(|one| one.id), Some(id));
        }
        let exactly = bed.streams.list(select(301)).await;
        assert_eq!((exactly.connections.len(), exactly.next), (301, None));
        assert_eq!(bed.streams.list(select(0)).await.connections.len(), 1);
        assert_eq!(bed.streams.get(ConnectionId::new(40, 1)).await, None);
    })
    .await;
}

#[tokio::test]
async fn the_slowest_of_all_shards_come_first_and_who_keeps_up_is_not_listed() {
    on_one_thread(async {
        let bed = Bed::new();
        let by_lag = |limit| Select { slowest: true, ..select(limit) };
        let _peers: Vec<_> = [("A", true), ("B", true), ("C", false)]
            .into_iter()
            .flat_map(|(tenant, is_stuck)| {
                let peers = bed.attach(tenant, 2);
                if is_stuck {
                    peers.iter().for_each(|peer| peer.set_window(0));
                }
                peers
            })
            .collect();
        assert_eq!(bed.streams.list(by_lag(10)).await, Page::default());
        for (id, tenant) in (1..).zip(["A", "B", "C", "C", "B", "C"]) {
            bed.publish(id, tenant).await;
        }
        let mut page = Page::default();
        while page.connections.iter().map(|one| one.counts.held).sum::<u64>() < 6 {
            page = bed.streams.list(by_lag(10)).await;
        }
        let of = |page: &Page| -> Vec<_> {
            let each = page.connections.iter();
            each.map(|one| (one.tenant.to_string(), one.counts.held)).collect()
        };
        let (a, b) = (("A".to_owned(), 1), ("B".to_owned(), 2));
        assert_eq!(of(&page), [b.clone(), b.clone(), a.clone(), a.clone()]);
        assert!(page.connections[0].id < page.connections[1].id);
        let fewer = bed.streams.list(by_lag(3)).await;
        assert_eq!((of(&fewer), fewer.next), (vec![b.clone(), b, a], None));
        let of_a = Select { tenant: TenantId::parse("A").ok(), ..by_lag(1) };
        let of_a = bed.streams.list(of_a).await.connections;
        assert_eq!(of_a[0].id, page.connections[2].id);
    })
    .await;
}

#[tokio::test]
async fn ending_counts_over_all_shards() {
    on_one_thread(async {
        let bed = Bed::new();
        let (of_t, of_u) = (bed.attach("T", 30), bed.attach("U", 3));
        let one = bed.streams.list(select(1)).await.connections[0].id;
        assert_eq!(bed.streams.end(Select { id: Some(one), ..Select::default() }, "why").await, 1);
        let nobody = Select { id: Some(ConnectionId::new(40, 1)), ..Select::default() };
        assert_eq!(bed.streams.end(nobody, "why").await, 0);
        let t = TenantId::parse("T").unwrap();
        assert_eq!(bed.streams.end(Select { tenant: Some(t), ..Select::default() }, "why").await, 29);
        assert!(of_t.iter().all(|peer| peer.text().contains("why")));
        assert!(of_u.iter().all(|peer| !peer.text().contains("why")));
        let u = TenantId::parse("U").unwrap();
        let alice = Select { tenant: Some(u), subject: Some("alice".to_owned()), ..Select::default() };
        assert_eq!(bed.streams.end(alice, "why").await, 3);
        assert_eq!(bed.live(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_drain_ends_streams_little_by_little_and_can_be_called_off() {
    on_one_thread(async {
        let bed = Bed::new();
        let peers = bed.attach("T", 300);
        assert_eq!(bed.streams.drain_progress().await, None);
        assert!(!bed.streams.cancel_drain().await, "there is none");
        let an_hour = Drain { within: Duration::from_secs(3600), pause: Duration::ZERO };
        bed.streams.drain(an_hour).await;
        assert!(bed.streams.index().is_draining());
        let progress = bed.streams.drain_progress().await.unwrap();
        assert_eq!((progress.streams, progress.left), (300, 300));
        let minutes = Drain { within: Duration::from_secs(120), pause: Duration::from_millis(7) };
        bed.streams.drain(minutes).await;
        while bed.live() == 300 {
            tokio::task::yield_now().await;
        }
        assert!(bed.streams.cancel_drain().await);
        let left = bed.live();
        assert!((200..300).contains(&left), "{left} left after the first");
        let ended = peers.iter().filter(|peer| peer.text().contains("after_ms"));
        assert_eq!(ended.count() as u32, 300 - left);
        assert!(!bed.streams.index().is_draining());
        let at_once = Drain { within: Duration::ZERO, pause: Duration::from_secs(3600) };
        bed.streams.drain(at_once).await;
        while bed.live() > 0 {
            tokio::task::yield_now().await;
        }
        let progress = bed.streams.drain_progress().await.unwrap();
        assert_eq!((progress.streams, progress.left), (left, 0));
        let mut sent: Vec<String> = peers.iter().map(|peer| peer.text()).collect();
        sent.sort_unstable();
        sent.dedup();
        assert!(sent.len() > 100, "each is sent a time of its own");
    })
    .await;
}

#[tokio::test]
async fn the_drain_before_the_end_is_not_called_off() {
    on_one_thread(async {
        let bed = Bed::new();
        bed.streams.begin_last_drain().await;
        assert!(!bed.streams.cancel_drain().await);
        let an_hour = Drain { within: Duration::from_secs(3600), pause: Duration::ZERO };
        bed.streams.drain(an_hour).await;
        assert!(bed.streams.index().is_draining());
        assert!(bed.streams.drain_progress().await.is_some());
    })
    .await;
}
