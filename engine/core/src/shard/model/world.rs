//! A shard with peers that take as many bytes as they are allowed to, and what each of them is owed.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::owed::{DEVICES, GAP, Owed, REFUSED, Stored};
use crate::event::{self, Event, Parser};
use crate::history;
use crate::inbox::{Inbox, Item, SourceNotice};
use crate::index::{Index, Limits, Overflow, OwnLimits, Tenant};
use crate::shard::clock::Tenths;
use crate::shard::config::Config;
use crate::shard::filter::Filter;
use crate::shard::options::{Options, Resume};
use crate::shard::registry::NewSubscriber;
use crate::shard::state::State;
use crate::shard::test_kit::{Peer, STANDING, new_subscriber, pass, state};
use floodway_protocol::messages::notice::SourceState;
use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, End, EventId};

/// A silence after which a stream gets a heartbeat.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(2);

/// Within so much each subscriber is visited.
pub(super) const ROUND: Duration = Duration::from_millis(1100);

pub(super) struct World {
    pub(super) state: State,
    pub(super) inbox: Inbox,
    pub(super) index: Index,
    pub(super) parser: Parser,
    pub(super) newest: u64,
    /// Everything that was stored, the newest last: its position is its index and one.
    pub(super) stored: Vec<Stored>,
    /// How many of them the shard has matched. The others are in its inbox, but for those from before it had subscribers.
    pub(super) matched_to: u64,
    /// How many of them the history keeps.
    pub(super) kept: usize,
    pub(super) owed: Vec<Owed>,
    /// Those that ended by themselves.
    pub(super) ended: Vec<Owed>,
    pub(super) answers: usize,
    /// Events that subscribers were owed by the model, those that have left included.
    pub(super) matched: u64,
    /// Likewise, gaps of the source's.
    pub(super) gaps: u64,
}

impl World {
    pub(super) fn new(capacity: usize) -> Self {
        Self::with_history(capacity, 10_000)
    }

    /// With bounds on the memory of what waits for each, and for all.
    pub(super) fn bounded(capacity: usize, (queue_bytes, held_bytes): (usize, usize)) -> Self {
        let config = Config { sse_keepalive: KEEPALIVE, count: 1, queue_bytes, held_bytes, ..Config::default() };
        Self { state: state(&config), ..Self::new(capacity) }
    }

    /// With a history of so many entries.
    pub(super) fn with_history(capacity: usize, kept: usize) -> Self {
        let limits = Limits {
            connections: 0,
            queue_size: NonZeroUsize::new(capacity).unwrap(),
            overflow: Overflow::DropNewest,
            ..Limits::default()
        };
        let config = Config { sse_keepalive: KEEPALIVE, ..Config::default() };
        Self {
            state: state(&config),
            inbox: Inbox::new(1024),
            index: Index::with_history(1000, limits, history::Config { events: kept, ..history::Config::default() }),
            parser: Parser::new(&event::Config::default()),
            newest: 0,
            stored: Vec::new(),
            matched_to: 0,
            kept,
            owed: Vec::new(),
            ended: Vec::new(),
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
        self.parser.received_at((STANDING.monotonic)());
        let event = self.parser.parse(id, &Self::tenant(), name, &topic, payload.as_bytes()).unwrap();
        let event: Arc<Event> = Arc::new(event);
        // As ingest does: append, then read the interest, then push.
        let Some((position, interested)) = self.index.find("T").map(|tenant| tenant.append(&event)) else {
            return;
        };
        self.put(interested, Item::Event(event, position), Stored { id: self.newest, device });
    }

    fn put(&mut self, interested: u64, item: Item, stored: Stored) {
        self.stored.push(stored);
        if interested & 1 != 0 {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(self.inbox.put(item));
        } else {
            // The shard that comes begins behind it.
            self.matched_to = self.stored.len() as u64;
        }
    }

    /// The source was away.
    pub(super) fn gap(&mut self) {
        self.newest += 1;
        let id = EventId::new(self.newest);
        self.notice(Some(id), Item::UpstreamGap, GAP);
    }

    /// The source refuses the tenant.
    pub(super) fn refused(&mut self) {
        let notice = |tenant| SourceNotice { tenant, state: SourceState::Refused, since: SystemTime::now() };
        self.notice(None, |tenant, at| Item::Upstream(Arc::new(notice(tenant)), at), REFUSED);
    }

    fn notice(&mut self, gap: Option<EventId>, item: impl FnOnce(Arc<Tenant>, u64) -> Item, stands_for: usize) {
        let Some(tenant) = self.index.find("T") else {
            return;
        };
        let (position, interested) = tenant.append_mark(gap, (STANDING.monotonic)());
        let id = gap.map_or(self.newest, EventId::get);
        self.put(interested, item(tenant, position), Stored { id, device: stands_for });
    }

    /// Whether nothing is under way between the inbox and the subscribers.
    pub(super) fn is_flushed(&self) -> bool {
        self.state.delivery.tick.is_over()
    }

    pub(super) fn distribute(&mut self) {
        if !self.is_flushed() {
            return;
        }
        self.forget_ended();
        self.state.distribute(&self.inbox);
        for (stored, position) in self.stored.iter().zip(1..).skip(self.matched_to as usize) {
            for owed in self.owed.iter_mut().filter(|owed| owed.joined_at < position) {
                owed.owe(*stored);
            }
        }
        self.matched_to = self.stored.len() as u64;
        // Who waited for what is matched now has its turn soon.
        let waiting: Vec<_> = self.owed.iter().map(|owed| owed.key).collect();
        waiting.into_iter().for_each(|key| self.state.prepare(key));
        self.sum_up();
    }

    /// What all subscribers were owed, those included that have left.
    fn sum_up(&mut self) {
        for owed in &mut self.owed {
            self.matched += std::mem::take(&mut owed.matched_now);
            self.gaps += std::mem::take(&mut owed.gaps_now);
        }
    }

    /// The greeting names the newest event: later ones are owed.
    pub(super) fn join(&mut self, filter: Filter) {
        self.forget_inbox();
        let joined_at = self.stored.len() as u64;
        self.attach(filter, Resume::FromNow, Options::default(), joined_at);
    }

    /// It is owed the last event of each device, and what is newer than those.
    pub(super) fn join_with_snapshot(&mut self, filter: Filter) {
        self.forget_inbox();
        let options = Options { snapshot: Some(true), ..Options::default() };
        self.attach(filter, Resume::FromNow, options, 0);
        let owed = self.owed.last_mut().unwrap();
        // A small history may have gone on, beyond what the shard has matched.
        owed.joined_at = self.state.registry[owed.key].after;
        assert!(owed.joined_at == self.matched_to || self.kept < self.stored.len());
        let mut last: Vec<Stored> = Vec::new();
        for &stored in &self.stored[..owed.joined_at as usize] {
            if stored.is_event() && stored.is_for(&owed.filter) {
                last.retain(|known| known.device != stored.device);
                last.push(stored);
            }
        }
        owed.messages.extend(last.iter().map(|stored| format!("last {}", stored.id)));
    }

    /// One comes back that has missed so many entries, or so it says: there may be fewer.
    pub(super) fn come_back(&mut self, filter: Filter, missed: usize) {
        let Some(seen) = self.stored.len().checked_sub(missed + 1) else {
            return self.join(filter);
        };
        self.forget_inbox();
        let id = self.stored[seen].id;
        // A notice has the id of what was before it.
        let same = self.stored[seen + 1..].iter().take_while(|stored| stored.id == id).count();
        let (seen, first_kept) = (seen + same + 1, self.stored.len().saturating_sub(self.kept));
        let is_lost = seen < first_kept;
        let behind = seen.max(first_kept);
        let resume = Resume::After(EventId::new(id));
        self.attach(filter, resume, Options::default(), (behind as u64).max(self.matched_to));
        let (stored, owed) = (&self.stored, self.owed.last_mut().unwrap());
        if is_lost {
            owed.messages.push("replay".to_owned());
        }
        let until = (self.matched_to as usize).max(behind);
        for stored in &stored[behind..until] {
            if stored.device != REFUSED {
                owed.owe(*stored);
            }
        }
        self.sum_up();
    }

    /// What is in the inbox is from before the first one that comes.
    fn forget_inbox(&mut self) {
        if self.state.matcher.is_empty() {
            self.matched_to = self.stored.len() as u64;
        }
    }

    fn attach(&mut self, filter: Filter, resume: Resume, options: Options, joined_at: u64) {
        let peer = Rc::new(Peer::with_window(0));
        let greeting = self.newest.to_string();
        let key = self.state.registry.vacant();
        let new_subscriber = NewSubscriber {
            encoding: Encoding::Sse,
            filter: filter.clone(),
            resume,
            options,
            head: format!("{greeting}\n\n").into_bytes(),
            ..new_subscriber(&self.index, "T", None, &peer)
        };
        self.index.find("T").unwrap().begin_history(EventId::new(self.newest));
        self.state.attach(new_subscriber).unwrap();
        self.owed.push(Owed {
            key,
            id: self.state.registry[key].info.id,
            peer,
            filter,
            sent: 0,
            silence: Duration::ZERO,
            messages: vec![greeting],
            newest: [None; DEVICES.len()],
            matched: 0,
            matched_now: 0,
            gaps_now: 0,
            joined_at,
        });
    }

    pub(super) fn refilter(&mut self, nth: usize, filter: Filter) {
        let Some(owed) = self.owed.get_mut(nth) else {
            return;
        };
        self.answers += 1;
        let answer = format!("answer {}", self.answers);
        self.state.refilter(owed.key, filter.clone());
        self.state.send(owed.key, format!("{answer}\n\n").as_bytes());
        owed.filter = filter;
        owed.messages.push(answer);
    }

    pub(super) fn open(&mut self, nth: usize, window: usize) {
        let Some(owed) = self.owed.get(nth) else {
            return;
        };
        owed.peer.set_window(window);
        self.state.write_on(owed.key);
    }

    /// Lets time pass, one step of the timers after the other. A subscriber that is silent and lacks nothing gets a
    /// heartbeat in time, and not before.
    pub(super) fn wait(&mut self, steps: u32) {
        self.owed.iter_mut().for_each(|owed| _ = owed.hear());
        for _ in 0..steps {
            pass(Tenths::STEP);
            self.state.delivery.clock.advance();
            self.state.visit_some();
            self.forget_ended();
            for owed in &mut self.owed {
                owed.silence += Tenths::STEP;
                let silence = owed.silence;
                if owed.hear() {
                    assert!(silence >= KEEPALIVE, "a heartbeat after {silence:?}");
                } else if self.state.registry[owed.key].ring.is_none() {
                    assert!(silence <= KEEPALIVE + ROUND, "silent for {silence:?}");
                }
            }
        }
    }

    pub(super) fn leave(&mut self, nth: usize) {
        if nth < self.owed.len() {
            let owed = self.owed.swap_remove(nth);
            self.state.end(owed.key, &End::Gone);
        }
    }

    /// Its outlet fails from now on, which ends it when something is written to it.
    pub(super) fn go(&self, nth: usize) {
        if let Some(owed) = self.owed.get(nth) {
            owed.peer.go();
        }
    }

    /// Those that a failed outlet or a full ring has ended are owed nothing more.
    pub(super) fn forget_ended(&mut self) {
        let registry = &self.state.registry;
        let is_live = |owed: &Owed| {
            let found = registry.get(owed.key);
            found.is_some_and(|found| found.is_live() && found.info.id == owed.id)
        };
        let ended = self.owed.extract_if(.., |owed| !is_live(owed));
        self.ended.extend(ended);
    }

    /// Lets so much time pass that every subscriber that leaves is removed.
    pub(super) fn wait_for_ends(&mut self) {
        let time = Config::default().close_timeout + ROUND;
        self.wait(u32::try_from(time.as_millis() / Tenths::STEP.as_millis()).unwrap());
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
}
