//! Subscribers with a pace, against the plainest model of it: for each filter one pacer that knows by name whose own each
//! waiting event is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::world::{DEVICES, received};
use super::{filter, policy};
use crate::event::{self, Parser};
use crate::inbox::{Inbox, Item};
use crate::index::{ConnectionId, Index, Limits, Overflow};
use crate::shard::config::Config;
use crate::shard::keys::SubscriberKey;
use crate::shard::options::Options;
use crate::shard::registry::NewSubscriber;
use crate::shard::state::State;
use crate::shard::test_kit::{Peer, new_subscriber, pass, state};
use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, End, EventId};

/// Two events of a device a second.
const RATE: &str = "2";
const INTERVAL: Duration = Duration::from_millis(500);

/// One device, or all of them.
type Wanted = Option<usize>;

const ALL_WANTED: [Wanted; 4] = [None, Some(0), Some(1), Some(2)];

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    /// So many milliseconds pass.
    Wait(u64),
    Distribute,
    Flush(usize),
    Spill,
    Join(Wanted),
    Refilter(usize, Wanted),
    Open(usize, usize),
    /// Ends in order, or is gone.
    End(usize, bool),
    /// Its outlet fails from now on.
    Go(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = || prop::sample::select(ALL_WANTED.to_vec());
    let step = prop_oneof![
        8 => (0..DEVICES.len()).prop_map(Step::Publish),
        4 => (0_u64..400).prop_map(Step::Wait),
        6 => Just(Step::Distribute),
        6 => (1_usize..8).prop_map(Step::Flush),
        1 => Just(Step::Spill),
        2 => wanted().prop_map(Step::Join),
        2 => (0_usize..8, wanted()).prop_map(|(nth, wanted)| Step::Refilter(nth, wanted)),
        4 => (0_usize..8, 0_usize..600).prop_map(|(nth, window)| Step::Open(nth, window)),
        1 => (0_usize..8, any::<bool>()).prop_map(|(nth, is_gone)| Step::End(nth, is_gone)),
        1 => (0_usize..8).prop_map(Step::Go),
    ];
    prop::collection::vec(step, 1..150)
}

/// A subscriber, and what the model says of it.
struct Owed {
    key: SubscriberKey,
    id: ConnectionId,
    peer: Rc<Peer>,
    /// Whether its outlet fails.
    has_gone: bool,
    wanted: Wanted,
    /// Events up to this one are not its own.
    after: u64,
    messages: Vec<String>,
    matched: u64,
    conflated: u64,
}

/// What waits for a device, and for whom.
struct Waiting {
    event: u64,
    owners: BTreeSet<ConnectionId>,
}

#[derive(Default)]
struct Pace {
    passed: BTreeMap<usize, Duration>,
    waiting: HashMap<usize, Waiting>,
}

struct World {
    state: State,
    inbox: Inbox,
    index: Index,
    parser: Parser,
    newest: u64,
    /// The newest that was matched.
    distributed: u64,
    in_inbox: Vec<(u64, usize)>,
    elapsed: Duration,
    paces: BTreeMap<Wanted, Pace>,
    /// The first ones stay and read, so that no cohort is dissolved.
    owed: Vec<Owed>,
    ended: Vec<Owed>,
}

impl World {
    /// So many events may wait for each, under this policy.
    fn new(capacity: usize, overflow: Overflow) -> Self {
        let limits = Limits {
            connections: 0,
            queue_size: NonZeroUsize::new(capacity).unwrap(),
            overflow,
            ..Limits::default()
        };
        let mut world = Self {
            state: state(&Config::default()),
            inbox: Inbox::new(1024),
            index: Index::new(1000, limits),
            parser: Parser::new(&event::Config::default()),
            newest: 0,
            distributed: 0,
            in_inbox: Vec::new(),
            elapsed: Duration::ZERO,
            paces: ALL_WANTED.map(|wanted| (wanted, Pace::default())).into(),
            owed: Vec::new(),
            ended: Vec::new(),
        };
        for wanted in ALL_WANTED {
            world.join(wanted);
            world.owed.last().unwrap().peer.set_window(usize::MAX);
        }
        world
    }

    fn play(&mut self, step: Step) {
        let stay = ALL_WANTED.len();
        match step {
            Step::Publish(device) => self.publish(device),
            Step::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Step::Distribute => self.distribute(),
            Step::Flush(budget) => self.state.flush(budget),
            Step::Spill => self.state.hold_tick(),
            Step::Join(wanted) => self.join(wanted),
            Step::Refilter(nth, wanted) if stay + nth < self.owed.len() => self.refilter(stay + nth, wanted),
            Step::Open(nth, window) if stay + nth < self.owed.len() => self.open(stay + nth, window),
            Step::End(nth, is_gone) if stay + nth < self.owed.len() => self.end(stay + nth, is_gone),
            Step::Go(nth) if stay + nth < self.owed.len() => self.go(stay + nth),
            Step::Refilter(..) | Step::Open(..) | Step::End(..) | Step::Go(_) => {}
        }
        self.forget_ended();
        self.check_counts();
        self.check_next_step();
    }

    fn publish(&mut self, device: usize) {
        self.newest += 1;
        let (tenant, name) = (TenantId::parse("T").unwrap(), DEVICES[device]);
        let payload = format!(r#"{{"metrics":{{"n":{}}}}}"#, self.newest);
        let topic = format!("tenant/T/device/{name}/telemetry");
        let event = self.parser.parse(EventId::new(self.newest), &tenant, name, &topic, payload.as_bytes());
        let event = Arc::new(event.unwrap());
        let (position, _) = self.index.find("T").unwrap().append(&event);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.inbox.put(Item::Event(event, position)));
        self.in_inbox.push((self.newest, device));
    }

    fn wait(&mut self, time: Duration) {
        pass(time);
        self.elapsed += time;
        self.state.delivery.clock.advance();
    }

    fn distribute(&mut self) {
        if !self.state.delivery.tick.is_over() {
            return;
        }
        self.state.distribute(&self.inbox);
        for wanted in ALL_WANTED {
            self.release(wanted);
        }
        for (event, device) in std::mem::take(&mut self.in_inbox) {
            self.distributed = event;
            self.offer(None, event, device);
            self.offer(Some(device), event, device);
        }
    }

    /// What is due goes out, in the order in which it was published.
    fn release(&mut self, wanted: Wanted) {
        let pace = self.paces.get_mut(&wanted).unwrap();
        let passed = &mut pace.passed;
        let is_due = |device: &usize, _: &mut Waiting| passed[device] + INTERVAL <= self.elapsed;
        let mut due: Vec<_> = pace.waiting.extract_if(is_due).collect();
        due.sort_by_key(|(_, waiting)| waiting.event);
        for (device, waiting) in due {
            passed.insert(device, self.elapsed);
            for owed in self.owed.iter_mut().filter(|owed| waiting.owners.contains(&owed.id)) {
                owed.messages.push(waiting.event.to_string());
            }
        }
    }

    fn offer(&mut self, wanted: Wanted, event: u64, device: usize) {
        let pace = self.paces.get_mut(&wanted).unwrap();
        let mut owners: Vec<&mut Owed> =
            self.owed.iter_mut().filter(|owed| owed.wanted == wanted && owed.after < event).collect();
        owners.iter_mut().for_each(|owed| owed.matched += 1);
        let is_open = pace.passed.get(&device).is_none_or(|&passed| passed + INTERVAL <= self.elapsed);
        if is_open && !pace.waiting.contains_key(&device) {
            pace.passed.insert(device, self.elapsed);
            owners.iter_mut().for_each(|owed| owed.messages.push(event.to_string()));
            return;
        }
        let owners = owners.iter().map(|owed| owed.id).collect();
        match pace.waiting.get_mut(&device) {
            None => _ = pace.waiting.insert(device, Waiting { event, owners }),
            Some(waiting) => {
                let replaced = std::mem::replace(&mut waiting.owners, owners);
                waiting.event = event;
                let conflated = self.owed.iter_mut().filter(|owed| replaced.contains(&owed.id));
                conflated.for_each(|owed| owed.conflated += 1);
            }
        }
    }

    fn join(&mut self, wanted: Wanted) {
        let peer = Rc::new(Peer::with_window(0));
        let key = self.state.registry.vacant();
        let stays = self.owed.len() < ALL_WANTED.len();
        let overflow = stays.then_some(Overflow::DropNewest);
        let options = Options { max_rate: Some(RATE.parse().unwrap()), overflow, ..Options::default() };
        let new_subscriber = NewSubscriber {
            encoding: Encoding::Sse,
            filter: filter(wanted),
            options,
            ..new_subscriber(&self.index, "T", None, &peer)
        };
        self.state.attach(new_subscriber).unwrap();
        self.owed.push(Owed {
            key,
            id: self.state.registry[key].info.id,
            peer,
            has_gone: false,
            wanted,
            after: self.newest,
            messages: Vec::new(),
            matched: 0,
            conflated: 0,
        });
    }

    /// What waits of a subscriber's own, in the order in which it was published.
    fn take_own(&mut self, nth: usize) -> Vec<u64> {
        let owed = &self.owed[nth];
        let waiting = self.paces.get_mut(&owed.wanted).unwrap().waiting.values_mut();
        let mut own: Vec<u64> = waiting
            .filter_map(|waiting| waiting.owners.remove(&owed.id).then_some(waiting.event))
            .collect();
        own.sort_unstable();
        own
    }

    fn refilter(&mut self, nth: usize, wanted: Wanted) {
        let key = self.owed[nth].key;
        self.state.refilter(key, filter(wanted));
        self.state.send(key, b"answer\n\n");
        if self.owed[nth].wanted != wanted {
            let own = self.take_own(nth);
            let owed = &mut self.owed[nth];
            owed.messages.extend(own.iter().map(u64::to_string));
            owed.wanted = wanted;
            owed.after = owed.after.max(self.distributed);
        }
        self.owed[nth].messages.push("answer".to_owned());
    }

    fn open(&mut self, nth: usize, window: usize) {
        self.owed[nth].peer.set_window(window);
        self.state.write_on(self.owed[nth].key);
    }

    /// Those that a failed outlet or a full ring has ended are owed nothing more.
    fn forget_ended(&mut self) {
        for nth in (0..self.owed.len()).rev() {
            if self.state.get(self.owed[nth].id).is_none() {
                self.take_own(nth);
                self.owed.remove(nth);
            }
        }
    }

    fn go(&mut self, nth: usize) {
        self.owed[nth].has_gone = true;
        self.owed[nth].peer.go();
    }

    fn end(&mut self, nth: usize, is_gone: bool) {
        let own = self.take_own(nth);
        let mut owed = self.owed.remove(nth);
        let end = if is_gone { End::Gone } else { End::Closed(None) };
        self.state.end(owed.key, &end);
        if !is_gone && !owed.has_gone {
            owed.messages.extend(own.iter().map(u64::to_string));
            self.ended.push(owed);
        }
    }

    fn check_counts(&self) {
        let counts = self.index.find("T").unwrap().counts();
        let events = &self.state.delivery.metrics.events;
        let counted = [events.delivered.get(), events.dropped.get(), events.conflated.get()];
        assert_eq!([counts.delivered, counts.dropped, counts.conflated], counted);
        assert_eq!(events.matched.get(), counted.iter().sum::<u64>() + events.held.get());
        for owed in &self.owed {
            let seen = self.state.get(owed.id).expect("it is live").counts;
            assert_eq!(seen.conflated, owed.conflated);
            let is_flushed = self.state.delivery.tick.is_over();
            let sum = seen.delivered + seen.dropped + seen.held + seen.conflated;
            assert!(sum == owed.matched || !is_flushed && sum < owed.matched, "{sum} of {}", owed.matched);
        }
    }

    /// The shard wakes in time for what is due next.
    fn check_next_step(&self) {
        let due = self
            .paces
            .values()
            .flat_map(|pace| pace.waiting.keys().map(|device| pace.passed[device] + INTERVAL));
        if let Some(due) = due.min().and_then(|due| due.checked_sub(self.elapsed)) {
            assert!(self.state.next_step() <= self.state.delivery.clock.now() + due);
        }
    }

    /// Lets everything out.
    fn finish(&mut self) {
        for owed in self.owed.iter().chain(&self.ended) {
            owed.peer.set_window(usize::MAX);
        }
        for _ in 0..3 {
            self.state.flush(usize::MAX);
            self.forget_ended();
            self.wait(INTERVAL);
            self.distribute();
        }
        self.state.flush(usize::MAX);
        for key in self.owed.iter().chain(&self.ended).map(|owed| owed.key) {
            if self.state.registry.get(key).is_some() {
                self.state.write_on(key);
            }
        }
        while self.state.registry.revisits() > 0 {
            self.state.look_again(usize::MAX);
        }
        self.forget_ended();
        self.check_counts();
    }
}

proptest! {
    #[test]
    fn a_pace_sends_the_newest_of_each_device_and_counts_the_rest(steps in steps()) {
        let mut world = World::new(1000, Overflow::DropNewest);
        steps.into_iter().for_each(|step| world.play(step));
        world.finish();
        for owed in world.owed.iter().chain(&world.ended) {
            prop_assert_eq!(&received(&owed.peer), &owed.messages);
        }
        for owed in &world.owed {
            let answers = owed.messages.iter().filter(|message| *message == "answer").count() as u64;
            prop_assert_eq!(owed.messages.len() as u64 - answers + owed.conflated, owed.matched, "the last one comes");
        }
    }

    #[test]
    fn a_full_ring_and_a_pace_count_each_event_once(steps in steps(), capacity in 1_usize..5, overflow in policy()) {
        let mut world = World::new(capacity, overflow);
        steps.into_iter().for_each(|step| world.play(step));
        world.finish();
        while !world.owed.is_empty() {
            world.end(0, true);
        }
        prop_assert!(world.state.matcher.is_empty());
        prop_assert_eq!(world.state.matcher.next_due(), None, "no time is kept for those who have gone");
    }
}
