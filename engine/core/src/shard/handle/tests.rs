//! A shard that is asked from elsewhere while it works.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use super::super::test_kit::{Peer, new_subscriber, on_one_thread, run_beside};
use super::super::{Config, NoRefresh, TimeSource};
use super::*;
use crate::event::{self, Parser};
use crate::inbox::{Inbox, Item};
use crate::index::{AuditKind, Index, Limit, Limits, Missed, Overflow, OwnLimits, Watcher};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

struct Bed {
    shard: Rc<Shard>,
    inboxes: Arc<[Inbox]>,
    index: Arc<Index>,
    handle: Handle,
    sent: u64,
}

impl Bed {
    /// A shard that runs beside the test, on its thread.
    fn new(limits: Limits) -> Self {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1024)]);
        let (shard, handle) = run_beside(0, &inboxes);
        Self { shard, inboxes, index: Arc::new(Index::new(u32::MAX, limits)), handle, sent: 0 }
    }

    fn attach(&self, tenant: &str, subject: Option<&str>) -> Rc<Peer> {
        let peer = Rc::new(Peer::default());
        let new_subscriber = new_subscriber(&self.index, tenant, subject, &peer);
        self.shard.attach(new_subscriber).unwrap();
        peer
    }

    /// An event of this tenant is on its way to the shard.
    async fn publish(&mut self, tenant: &str) {
        self.sent += 1;
        let (id, tenant) = (EventId::new(self.sent), TenantId::parse(tenant).unwrap());
        let payload = format!(r#"{{"metrics":{{"n":{}}}}}"#, self.sent);
        let mut parser = Parser::new(&event::Config::default());
        let event = parser.parse(id, &tenant, "A", "t", payload.as_bytes());
        let event = Arc::new(event.unwrap());
        let found = self.index.find(tenant.as_str());
        let position = found.map_or(1, |tenant| tenant.append(&event).0);
        self.inboxes[0].put(Item::Event(event, position)).await;
        self.inboxes[0].wake();
    }

    fn delivered(&self, tenant: &str) -> u64 {
        self.index.find(tenant).unwrap().counts().delivered
    }
}

fn without_limit() -> Limits {
    Limits { connections: 0, ..Limits::default() }
}

fn all() -> Select {
    Select { limit: usize::MAX, ..Select::default() }
}

async fn next(watcher: &mut Watcher) -> AuditKind {
    match watcher.next().await {
        Ok(event) => event.what,
        Err(Missed(missed)) => panic!("{missed} missed"),
    }
}

#[tokio::test]
async fn a_listing_gives_those_selected_in_order_and_page_by_page() {
    on_one_thread(async {
        let bed = Bed::new(without_limit());
        let _peers: Vec<_> = (0..1000)
            .map(|n| bed.attach(["T", "U"][n % 2], Some(["alice", "bob"][n % 4 / 2])))
            .collect();
        let everybody = bed.handle.list(all()).await.unwrap();
        assert_eq!(everybody.len(), 1000);
        assert!(everybody.is_sorted_by(|one, next| one.id < next.id));
        let select = Select {
            tenant: Some(TenantId::parse("T").unwrap()),
            subject: Some("bob".to_owned()),
            limit: 100,
            ..Select::default()
        };
        let first = bed.handle.list(select.clone()).await.unwrap();
        assert_eq!(first.len(), 100);
        let select = Select { after: first.last().map(|last| last.id), limit: 1000, ..select };
        let rest = bed.handle.list(select).await.unwrap();
        assert_eq!(rest.len(), 150);
        assert!(first.last().unwrap().id < rest[0].id);
        for one in first.iter().chain(&rest) {
            assert_eq!((one.tenant.as_str(), one.client.subject()), ("T", Some("bob")));
            assert_eq!(bed.handle.get(one.id).await.unwrap().unwrap().id, one.id);
        }
        let over_sse = Select { transports: vec![crate::index::Transport::Sse], ..all() };
        assert_eq!(bed.handle.list(over_sse).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn an_event_does_not_wait_for_a_listing() {
    on_one_thread(async {
        let mut bed = Bed::new(without_limit());
        let _crowd: Vec<_> = (0..10_000).map(|_| bed.attach("T", None)).collect();
        let _one = bed.attach("U", None);
        let handle = bed.handle.clone();
        let listing = tokio::task::spawn_local(async move { handle.list(all()).await });
        bed.publish("U").await;
        while bed.delivered("U") == 0 {
            assert!(!listing.is_finished(), "the event was first");
            tokio::task::yield_now().await;
        }
        assert!(!listing.is_finished(), "40 slices take longer than a turn");
        assert_eq!(listing.await.unwrap().unwrap().len(), 10_001);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_ends_whom_it_means_and_nobody_else() {
    on_one_thread(async {
        let bed = Bed::new(without_limit());
        let mut watcher = bed.index.journal().watch();
        let of_t: Vec<_> = (0..600).map(|_| bed.attach("T", Some("alice"))).collect();
        let (bob, of_u) = (bed.attach("T", Some("bob")), bed.attach("U", Some("alice")));
        let tenant = TenantId::parse("T").unwrap();
        let ended = bed.handle.end(
            Select {
                tenant: Some(tenant.clone()),
                subject: Some("alice".to_owned()),
                ..Select::default()
            },
            "abuse",
        );
        assert_eq!(ended.await, Ok(600));
        assert!(of_t.iter().all(|peer| peer.text().contains("abuse")));
        let left = bed.handle.list(all()).await.unwrap();
        assert_eq!(left.len(), 2);
        let id = left[1].id;
        assert_eq!(bed.handle.end(Select { id: Some(id), ..Select::default() }, "gone").await, Ok(1));
        assert_eq!(bed.handle.end(Select { id: Some(id), ..Select::default() }, "gone").await, Ok(0));
        assert!(of_u.text().contains("gone") && !bob.text().contains("gone"));
        assert_eq!(bed.handle.end(Select { tenant: Some(tenant), ..Select::default() }, "all").await, Ok(1));
        assert_eq!(bed.index.connections(), 0, "the permits are given back");
        for _ in 0..602 {
            assert!(matches!(next(&mut watcher).await, AuditKind::Connected { .. }));
        }
        for _ in 0..602 {
            let AuditKind::Disconnected { reason, code, .. } = next(&mut watcher).await else {
                panic!("nothing else happened");
            };
            assert_eq!((reason, code), ("administrator", Some(4010)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_subscriber_is_seen_to_be_and_a_limit_holds_for_the_next_event() {
    on_one_thread(async {
        let mut bed = Bed::new(without_limit());
        let mut watcher = bed.index.journal().watch();
        let peer = bed.attach("T", None);
        let id = bed.handle.list(all()).await.unwrap()[0].id;
        let own = OwnLimits { queue_size: NonZeroUsize::new(3), ..OwnLimits::default() };
        bed.index.set_limits(None, own).unwrap();
        bed.publish("T").await;
        while bed.delivered("T") < 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bed.handle.get(id).await.unwrap().unwrap().slow_since, None);
        peer.set_window(0);
        for _ in 0..5 {
            bed.publish("T").await;
        }
        let dropped = |bed: &Bed| bed.index.find("T").unwrap().counts().dropped;
        while dropped(&bed) < 2 {
            tokio::task::yield_now().await;
        }
        let seen = bed.handle.get(id).await.unwrap().unwrap();
        assert_eq!((seen.counts.delivered, seen.counts.dropped, seen.counts.held), (1, 2, 3));
        assert_eq!(seen.queue_size, 3);
        assert!(seen.slow_since.is_some_and(|since| since >= seen.since));
        let own = OwnLimits {
            queue_size: NonZeroUsize::new(2),
            overflow: Some(Overflow::DropOldest),
            ..OwnLimits::default()
        };
        bed.index.set_limits(None, own).unwrap();
        bed.publish("T").await;
        while dropped(&bed) < 4 {
            tokio::task::yield_now().await;
        }
        let seen = bed.handle.get(id).await.unwrap().unwrap();
        assert_eq!((seen.counts.delivered, seen.counts.dropped, seen.counts.held), (1, 4, 2));
        assert!(matches!(next(&mut watcher).await, AuditKind::Connected { .. }));
        assert!(matches!(
            next(&mut watcher).await,
            AuditKind::LimitHit { limit: Limit::QueueSize, id: hit, .. } if hit == id
        ));
    })
    .await;
}

#[tokio::test]
async fn another_thread_brings_a_subscriber_and_learns_that_the_shard_has_ended() {
    let (handle, asked) = answering();
    let index = Arc::new(Index::new(u32::MAX, without_limit()));
    let asking = std::thread::spawn({
        let (handle, index) = (handle.clone(), Arc::clone(&index));
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                let attach = move |shard: &Shard| {
                    let peer = Rc::new(Peer::default());
                    shard.attach(new_subscriber(&index, "T", Some("tail"), &peer))
                };
                handle.run(attach).await.unwrap().unwrap();
                let there = handle.list(all()).await.unwrap();
                assert_eq!(there[0].client.subject(), Some("tail"));
            });
        }
    });
    on_one_thread(async {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
        let (config, tokens) = (Config::default(), Arc::new(NoRefresh));
        let shard = Shard::new(0, &config, inboxes, Arc::default(), tokens, TimeSource::MACHINE).unwrap();
        let asked_through = async {
            while !asking.is_finished() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = shard.answer(asked) => panic!("there is still a handle"),
            () = asked_through => {}
        }
    })
    .await;
    asking.join().unwrap();
    assert_eq!(handle.list(all()).await, Err(Stopped));
}
