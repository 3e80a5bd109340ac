//! A shard with peers that take as many bytes as they are allowed to, and what each of them is owed.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use super::super::config::Config;
use super::super::filter::Filter;
use super::super::metrics::Metrics;
use super::super::outlet::{Outlet, Pipe};
use super::super::session::NoRefresh;
use super::super::state::State;
use super::super::subscriber::{Key, NewSubscriber};
use super::super::waker::{WakeQueue, Waker};
use crate::event::{self, Encoding, Event, EventId, Parser};
use crate::inbox::{Inbox, Item};
use crate::index::{ClientInfo, Count, Index, Overflow, OwnLimits, Tenant, Transport};
use floodway_protocol::ends::End;
use floodway_protocol::messages::notice::SourceState;
use floodway_protocol::names::{DeviceId, TenantId};
use mio::net::TcpStream;

/// Stands for no device, but for a gap of the broker's.
pub(super) const GAP: usize = usize::MAX;

/// Likewise, for a broker that refuses the tenant.
const REFUSED: usize = usize::MAX - 1;

pub(super) const DEVICES: [&str; 3] = ["A", "B", "C"];

/// A peer that takes as many bytes as it is allowed to.
#[derive(Debug, Default)]
pub(super) struct Peer {
    received: Vec<u8>,
    window: usize,
}

#[derive(Debug, Default)]
struct Window(Rc<RefCell<Peer>>);

impl Pipe for Window {
    fn socket(&mut self) -> Option<&mut TcpStream> {
        None
    }
    fn connect(&mut self, _: Waker) {}
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut peer = self.0.borrow_mut();
        let before = peer.window;
        for slice in slices {
            let n = slice.len().min(peer.window);
            peer.received.extend_from_slice(&slice[..n]);
            peer.window -= n;
        }
        let taken = before - peer.window;
        if taken == 0 {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(taken)
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A subscriber and what the model says that it is owed.
pub(super) struct Owed {
    key: Key,
    pub(super) peer: Rc<RefCell<Peer>>,
    filter: Filter,
    pub(super) messages: Vec<String>,
    /// Events among them.
    matched: u64,
}

pub(super) struct World {
    pub(super) state: State,
    inbox: Inbox,
    pub(super) index: Index,
    parser: Parser,
    newest: u64,
    /// Published and not yet taken out of the inbox: id and device.
    in_inbox: Vec<(u64, usize)>,
    pub(super) owed: Vec<Owed>,
    answers: usize,
    /// Events that the model says somebody was owed, those who have left included.
    pub(super) matched: u64,
    /// Likewise, gaps of the broker's.
    pub(super) gaps: u64,
}

impl World {
    pub(super) fn new(capacity: usize) -> Self {
        let config = Config {
            queue_size: NonZeroUsize::new(capacity).unwrap(),
            overflow: Overflow::DropNewest,
            ..Config::default()
        };
        let registry = mio::Poll::new().unwrap().registry().try_clone().unwrap();
        let limits = config.limits(0);
        Self {
            state: State::new(
                0,
                config,
                registry,
                Rc::new(WakeQueue::default()),
                Arc::new(Metrics::default()),
                None,
                Arc::new(NoRefresh),
            ),
            inbox: Inbox::new(1024),
            index: Index::with_limits(1000, limits),
            parser: Parser::new(&event::Config::default()),
            newest: 0,
            in_inbox: Vec::new(),
            owed: Vec::new(),
            answers: 0,
            matched: 0,
            gaps: 0,
        }
    }

    fn tenant() -> TenantId {
        TenantId::parse("T").unwrap()
    }

    pub(super) fn publish(&mut self, device: usize) {
        self.newest += 1;
        let id = EventId::new(self.newest);
        let name = DEVICES[device];
        let payload = format!(r#"{{"metrics":{{"n":{id}}}}}"#);
        let topic = format!("tenant/T/device/{name}/telemetry");
        let event: Event = self
            .parser
            .parse(id, &Self::tenant(), name, &topic, payload.as_bytes())
            .unwrap();
        // As ingest does: append, then read the interest, then push.
        let wanted = self
            .index
            .find("T")
            .is_some_and(|tenant| tenant.appended(id) & 1 != 0);
        if wanted {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(self.inbox.put(Item::Event(Arc::new(event))));
            self.in_inbox.push((self.newest, device));
        }
    }

    /// The broker was away.
    pub(super) fn gap(&mut self) {
        self.notice(Item::UpstreamGap, GAP);
    }

    /// The broker refuses the tenant.
    pub(super) fn refused(&mut self) {
        self.notice(
            |tenant| Item::Upstream(tenant, SourceState::Refused),
            REFUSED,
        );
    }

    fn notice(&mut self, item: impl FnOnce(Arc<Tenant>) -> Item, stands_for: usize) {
        let Some(tenant) = self.index.find("T") else {
            return;
        };
        if tenant.interest() != 0 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(self.inbox.put(item(tenant)));
            self.in_inbox.push((0, stands_for));
        }
    }

    pub(super) fn distribute(&mut self) {
        if !self.state.tick.is_over() {
            return;
        }
        self.state.distribute(&self.inbox);
        for (id, device) in self.in_inbox.drain(..) {
            if device >= REFUSED {
                let is_gap = device == GAP;
                self.gaps += u64::from(is_gap) * self.owed.len() as u64;
                let told = if is_gap { "upstream" } else { "refused" };
                self.owed
                    .iter_mut()
                    .for_each(|owed| owed.messages.push(told.to_owned()));
                continue;
            }
            let device = DeviceId::parse(DEVICES[device]).unwrap();
            for owed in &mut self.owed {
                let joined_later = owed
                    .messages
                    .first()
                    .is_some_and(|first| first.parse::<u64>().unwrap() >= id);
                if !joined_later
                    && (owed.filter.wants_all_devices() || owed.filter.devices().contains(&device))
                {
                    owed.messages.push(id.to_string());
                    owed.matched += 1;
                    self.matched += 1;
                }
            }
        }
    }

    /// The greeting names the newest event: later ones are owed.
    pub(super) fn join(&mut self, filter: Filter) {
        let peer = Rc::new(RefCell::new(Peer::default()));
        let greeting = self.newest.to_string();
        let new_subscriber = NewSubscriber {
            outlet: Outlet::Pipe(Box::new(Window(Rc::clone(&peer)))),
            encoding: Encoding::Sse,
            filter: filter.clone(),
            place: self.index.enter(&Self::tenant()).unwrap(),
            about: ClientInfo::new(Transport::Sse),
            expires_at: u64::MAX,
            greeting: format!("{greeting}\n\n").into_bytes(),
            early: Vec::new(),
        };
        let key = Key(u32::try_from(self.state.subscribers.vacant_key()).unwrap());
        self.state.attach(new_subscriber).unwrap();
        self.owed.push(Owed {
            key,
            peer,
            filter,
            messages: vec![greeting],
            matched: 0,
        });
    }

    pub(super) fn refilter(&mut self, nth: usize, filter: Filter) {
        let Some(owed) = self.owed.get_mut(nth) else {
            return;
        };
        self.answers += 1;
        let answer = format!("answer {}", self.answers);
        self.state.refilter(owed.key, filter.clone());
        self.state
            .send(owed.key, format!("{answer}\n\n").as_bytes());
        owed.filter = filter;
        owed.messages.push(answer);
    }

    pub(super) fn open(&mut self, nth: usize, window: usize) {
        let Some(owed) = self.owed.get(nth) else {
            return;
        };
        owed.peer.borrow_mut().window = window;
        let token = self.state.token(owed.key);
        self.state.look_at(token, false, true);
    }

    pub(super) fn leave(&mut self, nth: usize) {
        if nth < self.owed.len() {
            let owed = self.owed.swap_remove(nth);
            self.state.end(owed.key, &End::Gone);
        }
    }

    /// From now on so many events may wait for each, under this policy.
    pub(super) fn limit(&self, queue_size: usize, overflow: Overflow) {
        let own = OwnLimits {
            queue_size: NonZeroUsize::new(queue_size),
            overflow: Some(overflow),
            ..OwnLimits::default()
        };
        self.index.set_limits(Some(&Self::tenant()), own).unwrap();
    }

    /// What is counted of the tenant is what is counted of the shard, whoever has left; the model counts no bytes, and
    /// events that are under way are counted nowhere.
    pub(super) fn check_counts(&self) {
        let counts = self
            .index
            .find("T")
            .map(|tenant| tenant.counts())
            .unwrap_or_default();
        let metrics = &self.state.metrics;
        let counted = (counts.sse, counts.delivered, counts.dropped, counts.bytes);
        assert_eq!(
            counted,
            (
                metrics.sse.get(),
                metrics.delivered.get(),
                metrics.dropped.get(),
                metrics.bytes.get()
            )
        );
        assert_eq!(counts.sse, self.owed.len() as u64);
        let (mut held, mut lagging) = (0, 0);
        for (_, subscriber) in &self.state.subscribers {
            held += subscriber.held();
            lagging += u64::from(subscriber.ring.is_some());
        }
        assert_eq!((metrics.held.get(), metrics.lagging.get()), (held, lagging));
        let fates = metrics.delivered.get() + metrics.dropped.get() + held;
        assert_eq!(metrics.matched.get(), fates);
        assert_eq!(self.state.roll.len(), self.owed.len());
        for owed in &self.owed {
            let subscriber = &self.state.subscribers[owed.key.0 as usize];
            let counted = subscriber.delivered + subscriber.card.dropped + subscriber.held();
            assert!(counted <= owed.matched, "counted twice");
        }
    }

    /// With nothing under way: matched == delivered + dropped + held, for each and for the shard, and every delivery has
    /// its time.
    pub(super) fn check_each(&mut self) {
        self.state.take_times();
        let metrics = &self.state.metrics;
        let timed: u64 = metrics.delays.counts.iter().map(Count::get).sum();
        assert_eq!(timed, metrics.delivered.get());
        assert_eq!(metrics.matched.get(), self.matched);
        for owed in &self.owed {
            let id = self.state.subscribers[owed.key.0 as usize].card.id;
            let seen = self.state.get(id).expect("it is live");
            assert_eq!(seen.delivered + seen.dropped + seen.held, owed.matched);
            assert_eq!(seen.bytes, owed.peer.borrow().received.len() as u64);
            assert_eq!(seen.filter, owed.filter);
        }
    }

    /// Lets everything out.
    pub(super) fn finish(&mut self) {
        (0..self.owed.len()).for_each(|nth| self.open(nth, usize::MAX));
        self.state.flush(usize::MAX);
        self.distribute();
        self.state.flush(usize::MAX);
        while !self.state.again.is_empty() {
            self.state.look_again(usize::MAX);
        }
        assert!(self.state.tick.is_over() && self.inbox.is_empty());
    }
}

/// What stands in a stream: numbers of events, answers, gaps.
pub(super) fn told(peer: &Peer) -> Vec<String> {
    let text = String::from_utf8(peer.received.clone()).unwrap();
    let field = |message: &str, name: &str| {
        message
            .split_once(name)
            .map(|(_, rest)| rest.split([',', '}']).next().unwrap().to_owned())
    };
    text.split_terminator("\n\n")
        .map(|message| {
            if message.starts_with("event: upstream\n") {
                return "refused".to_owned();
            }
            if message.contains("upstream") {
                return "upstream".to_owned();
            }
            let gap = field(message, "\"dropped\":").map(|dropped| format!("gap {dropped}"));
            field(message, "\"n\":")
                .or(gap)
                .unwrap_or_else(|| message.to_owned())
        })
        .collect()
}
