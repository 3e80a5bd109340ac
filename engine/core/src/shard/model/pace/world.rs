//! A shard with paced subscribers, and what each of them is owed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::owed::DEVICES;
use crate::event::{self, Parser};
use crate::history;
use crate::inbox::{Inbox, Item};
use crate::index::{ConnectionId, Groups, Index, Limits, Overflow};
use crate::shard::Filter;
use crate::shard::config::Config;
use crate::shard::keys::SubscriberKey;
use crate::shard::options::{Options, Resume};
use crate::shard::registry::NewSubscriber;
use crate::shard::state::State;
use crate::shard::test_kit::{Peer, STANDING, new_subscriber, pass, state};
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::{DeviceId, GroupId, TenantId};
use floodway_protocol::{Encoding, End, EventId};

/// Two events of a device a second.
const RATE: &str = "2";
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// One device, or all of them.
pub(super) type Wanted = Option<usize>;

pub(super) const ALL_WANTED: [Wanted; 4] = [None, Some(0), Some(1), Some(2)];

/// Names a device twice: by itself, and by a group that is called like it.
fn filter(wanted: Wanted) -> Filter {
    let mut filter = Filter::default();
    if let Some(device) = wanted {
        filter.add(&Names::Device(DeviceId::parse(DEVICES[device]).unwrap()), 1).unwrap();
        filter.add(&Names::Group(GroupId::parse(DEVICES[device]).unwrap()), 1).unwrap();
    }
    filter
}

/// A subscriber, and what the model says of it.
pub(super) struct Owed {
    pub(super) key: SubscriberKey,
    pub(super) id: ConnectionId,
    pub(super) peer: Rc<Peer>,
    /// Whether its outlet fails.
    has_gone: bool,
    wanted: Wanted,
    /// It reads on from history, at its own pace.
    is_behind: bool,
    /// Events up to this one are not its own.
    after: u64,
    pub(super) messages: Vec<String>,
    /// Answers and events of snapshots among them.
    pub(super) uncounted: u64,
    pub(super) matched: u64,
    pub(super) conflated: u64,
}

/// What waits for a device, and for whom.
pub(super) struct Waiting {
    event: u64,
    owners: BTreeSet<ConnectionId>,
}

#[derive(Default)]
pub(super) struct Pace {
    pub(super) passed: BTreeMap<usize, Duration>,
    pub(super) waiting: HashMap<usize, Waiting>,
}

pub(super) struct World {
    pub(super) state: State,
    inbox: Inbox,
    pub(super) index: Index,
    parser: Parser,
    pub(super) newest: u64,
    pub(super) overflow: Overflow,
    in_inbox: Vec<(u64, usize)>,
    /// The device of each event that was matched, the first one's first.
    devices: Vec<usize>,
    /// The device of each event that was published, and when.
    published: Vec<(usize, Duration)>,
    pub(super) elapsed: Duration,
    pub(super) paces: BTreeMap<Wanted, Pace>,
    /// The first ones stay and read, so that no cohort is dissolved.
    pub(super) owed: Vec<Owed>,
    pub(super) ended: Vec<Owed>,
}

impl World {
    /// So many events may wait for each, under this policy.
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Self {
        let limits = Limits {
            connections: 0,
            queue_size: NonZeroUsize::new(capacity).unwrap(),
            overflow,
            ..Limits::default()
        };
        // The clock of the shard goes on from test to test, and events are received by the machine's.
        let kept = history::Config { age: Duration::MAX, ..history::Config::default() };
        let mut world = Self {
            state: state(&Config::default()),
            inbox: Inbox::new(1024),
            index: Index::with_history(1000, limits, kept),
            parser: Parser::new(&event::Config::default()),
            newest: 0,
            overflow,
            in_inbox: Vec::new(),
            devices: Vec::new(),
            published: Vec::new(),
            elapsed: Duration::ZERO,
            paces: ALL_WANTED.map(|wanted| (wanted, Pace::default())).into(),
            owed: Vec::new(),
            ended: Vec::new(),
        };
        let mut groups = Groups::default();
        for device in DEVICES {
            groups.change(&GroupId::parse(device).unwrap(), &[], &[DeviceId::parse(device).unwrap()]);
        }
        for wanted in ALL_WANTED {
            world.join(wanted, 0);
            world.owed.last().unwrap().peer.set_window(usize::MAX);
        }
        world.index.find("T").unwrap().set_groups(Arc::new(groups));
        world
    }

    pub(super) fn publish(&mut self, device: usize) {
        self.newest += 1;
        self.published.push((device, self.elapsed));
        self.parser.received_at((STANDING.monotonic)());
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

    pub(super) fn wait(&mut self, time: Duration) {
        pass(time);
        self.elapsed += time;
        self.state.delivery.clock.advance();
    }

    pub(super) fn distribute(&mut self) {
        if !self.state.delivery.tick.is_over() {
            return;
        }
        self.state.distribute(&self.inbox);
        for wanted in ALL_WANTED {
            self.release(wanted);
        }
        for (event, device) in std::mem::take(&mut self.in_inbox) {
            self.devices.push(device);
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
        for owed in self.owed.iter_mut().filter(|owed| owed.wanted == wanted && owed.is_behind) {
            owed.matched += 1;
            owed.messages.push(event.to_string());
        }
        let mut owners: Vec<&mut Owed> = self
            .owed
            .iter_mut()
            .filter(|owed| owed.wanted == wanted && !owed.is_behind && owed.after < event)
            .collect();
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

    fn wants(&self, wanted: Wanted, event: u64) -> bool {
        let device = self.devices[usize::try_from(event - 1).unwrap()];
        wanted.is_none_or(|wanted| wanted == device)
    }

    fn distributed(&self) -> u64 {
        self.devices.len() as u64
    }

    /// Comes, and wants what is after this event.
    pub(super) fn join(&mut self, wanted: Wanted, after: u64) {
        let peer = Rc::new(Peer::with_window(0));
        let key = self.state.registry.vacant();
        let stays = self.owed.len() < ALL_WANTED.len();
        let overflow = stays.then_some(Overflow::DropNewest);
        let options = Options { max_rate: Some(RATE.parse().unwrap()), overflow, ..Options::default() };
        let new_subscriber = NewSubscriber {
            encoding: Encoding::Sse,
            filter: filter(wanted),
            options,
            resume: if after == self.newest {
                Resume::FromNow
            } else {
                Resume::After(EventId::new(after))
            },
            ..new_subscriber(&self.index, "T", None, &peer)
        };
        self.state.attach(new_subscriber).unwrap();
        let missed = (after + 1..=self.distributed()).filter(|&event| self.wants(wanted, event));
        let again = if after == self.newest {
            Vec::new()
        } else {
            self.may_be_held_back(wanted, after)
        };
        let missed: Vec<String> = again.into_iter().chain(missed).map(|event| event.to_string()).collect();
        self.owed.push(Owed {
            key,
            id: self.state.registry[key].info.id,
            peer,
            has_gone: false,
            wanted,
            is_behind: after < self.distributed(),
            after,
            matched: missed.len() as u64,
            messages: missed,
            uncounted: 0,
            conflated: 0,
        });
    }

    /// The newest event of each device of which none follows, of the interval before this one.
    fn may_be_held_back(&self, wanted: Wanted, read_last: u64) -> Vec<u64> {
        let of = |event: u64| self.published[usize::try_from(event - 1).unwrap()];
        let is_wanted = |event: &u64| wanted.is_none_or(|wanted| wanted == of(*event).0);
        let followed = (read_last.max(1)..=self.newest).filter(is_wanted);
        let mut seen: BTreeSet<usize> = followed.map(|event| of(event).0).collect();
        let lately = (1..read_last).rev().take_while(|&event| of(read_last).1 - of(event).1 < INTERVAL);
        let mut again: Vec<u64> = lately.filter(is_wanted).filter(|&event| seen.insert(of(event).0)).collect();
        again.reverse();
        again
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

    pub(super) fn refilter(&mut self, nth: usize, wanted: Wanted) {
        let (key, distributed) = (self.owed[nth].key, self.distributed());
        self.state.refilter(key, filter(wanted));
        self.state.send(key, b"answer\n\n");
        if self.owed[nth].wanted != wanted {
            let own = self.take_own(nth);
            let owed = &mut self.owed[nth];
            owed.messages.extend(own.iter().map(u64::to_string));
            owed.wanted = wanted;
            owed.after = owed.after.max(distributed);
        }
        self.owed[nth].messages.push("answer".to_owned());
        self.owed[nth].uncounted += 1;
    }

    /// Its client asks for the last event of each device, once it is in step.
    pub(super) fn snapshot(&mut self, nth: usize) {
        if self.owed[nth].is_behind {
            return;
        }
        self.refilter(nth, self.owed[nth].wanted);
        if !self.state.is_live(self.owed[nth].key) {
            return;
        }
        self.state.send_snapshot(self.owed[nth].key, None);
        let own = self.take_own(nth);
        let last = |event: &u64| {
            let device = self.devices[usize::try_from(event - 1).unwrap()];
            !self.devices[usize::try_from(*event).unwrap()..].contains(&device)
        };
        let wanted = self.owed[nth].wanted;
        let events = (1..=self.distributed()).filter(|&event| self.wants(wanted, event)).filter(last);
        let snapshot: Vec<String> = events.map(|event| format!("last {event}")).collect();
        let owed = &mut self.owed[nth];
        owed.messages.extend(own.iter().map(u64::to_string));
        owed.uncounted += snapshot.len() as u64;
        owed.messages.extend(snapshot);
        owed.is_behind = true;
    }

    pub(super) fn open(&mut self, nth: usize, window: usize) {
        self.owed[nth].peer.set_window(window);
        self.state.write_on(self.owed[nth].key);
    }

    /// Who has read all that was matched is in step with the others.
    pub(super) fn note_who_is_in_step(&mut self) {
        let distributed = self.distributed();
        for owed in self.owed.iter_mut().filter(|owed| owed.is_behind) {
            owed.is_behind = self.state.registry[owed.key].is_behind();
            owed.after = distributed;
        }
    }

    /// Those that a failed outlet or a full ring has ended are owed nothing more.
    pub(super) fn forget_ended(&mut self) {
        for nth in (0..self.owed.len()).rev() {
            if self.state.get(self.owed[nth].id).is_none() {
                self.take_own(nth);
                self.owed.remove(nth);
            }
        }
    }

    pub(super) fn go(&mut self, nth: usize) {
        self.owed[nth].has_gone = true;
        self.owed[nth].peer.go();
    }

    pub(super) fn end(&mut self, nth: usize, is_gone: bool) {
        let own = self.take_own(nth);
        let mut owed = self.owed.remove(nth);
        let end = if is_gone { End::Gone } else { End::Closed(None) };
        self.state.end(owed.key, &end);
        if !is_gone && !owed.has_gone {
            owed.messages.extend(own.iter().map(u64::to_string));
            self.ended.push(owed);
        }
    }
}
