//! A shard against the plainest model of it: each subscriber has a list of what it is owed, in order.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use mio::net::TcpStream;
use proptest::prelude::*;

use super::bell::{Bell, Doorbell};
use super::config::{Config, Overflow};
use super::end::End;
use super::filter::Filter;
use super::metrics::Metrics;
use super::outlet::{Outlet, Pipe};
use super::session::{Line, Session};
use super::state::State;
use super::subscriber::{Key, Newcomer};
use crate::event::{self, Encoding, Event, EventId, Parser};
use crate::inbox::{Inbox, Item};
use crate::index::{self, Index};
use crate::names::{DeviceId, TenantId};

/// Stands for no device, but for a gap of the broker's.
const GAP: usize = usize::MAX;

const DEVICES: [&str; 3] = ["A", "B", "C"];

/// A peer that takes as many bytes as it is allowed to.
#[derive(Debug, Default)]
struct Peer {
    received: Vec<u8>,
    window: usize,
}

#[derive(Debug, Default)]
struct Window(Rc<RefCell<Peer>>);

impl Pipe for Window {
    fn socket(&mut self) -> Option<&mut TcpStream> {
        None
    }
    fn connect(&mut self, _: Doorbell) {}
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

struct Mute;

impl Session for Mute {
    fn receive(&mut self, _: &mut [u8], _: &mut Line<'_>) {}
    fn farewell(&self, _: &End, _: &mut Vec<u8>) {}
}

/// A subscriber and what the model says that it is owed.
struct Owed {
    key: Key,
    peer: Rc<RefCell<Peer>>,
    filter: Filter,
    messages: Vec<String>,
}

struct World {
    state: State,
    inbox: Inbox,
    index: Index,
    parser: Parser,
    newest: u64,
    /// Published and not yet taken out of the inbox: id and device.
    in_inbox: Vec<(u64, usize)>,
    owed: Vec<Owed>,
    answers: usize,
    /// Events that the model says somebody was owed, those who have left included.
    matched: u64,
}

impl World {
    fn new(capacity: usize) -> Self {
        let config = Config {
            queue_size: NonZeroUsize::new(capacity).unwrap(),
            overflow: Overflow::DropNewest,
            ..Config::default()
        };
        let registry = mio::Poll::new().unwrap().registry().try_clone().unwrap();
        let limits = index::Config {
            connections_per_tenant: 0,
            connections: 1000,
        };
        Self {
            state: State::new(
                0,
                config,
                registry,
                Rc::new(Bell::default()),
                Arc::new(Metrics::default()),
            ),
            inbox: Inbox::new(1024),
            index: Index::new(&limits),
            parser: Parser::new(&event::Config::default()),
            newest: 0,
            in_inbox: Vec::new(),
            owed: Vec::new(),
            answers: 0,
            matched: 0,
        }
    }

    fn tenant() -> TenantId {
        TenantId::parse("T").unwrap()
    }

    fn publish(&mut self, device: usize) {
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
    fn gap(&mut self) {
        let Some(tenant) = self.index.find("T") else {
            return;
        };
        if tenant.interest() != 0 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(self.inbox.put(Item::UpstreamGap(tenant)));
            self.in_inbox.push((0, GAP));
        }
    }

    fn distribute(&mut self) {
        if !self.state.tick.is_over() {
            return;
        }
        self.state.distribute(&self.inbox);
        for (id, device) in self.in_inbox.drain(..) {
            if device == GAP {
                self.owed
                    .iter_mut()
                    .for_each(|owed| owed.messages.push("upstream".to_owned()));
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
                    self.matched += 1;
                }
            }
        }
    }

    /// The greeting names the newest event: later ones are owed.
    fn join(&mut self, filter: Filter) {
        let peer = Rc::new(RefCell::new(Peer::default()));
        let greeting = self.newest.to_string();
        let newcomer = Newcomer {
            outlet: Outlet::Pipe(Box::new(Window(Rc::clone(&peer)))),
            session: Box::new(Mute),
            encoding: Encoding::Sse,
            filter: filter.clone(),
            place: self.index.enter(&Self::tenant()).unwrap(),
            expires_at: u64::MAX,
            greeting: format!("{greeting}\n\n").into_bytes(),
            early: Vec::new(),
        };
        let key = Key(u32::try_from(self.state.subscribers.vacant_key()).unwrap());
        self.state.attach(newcomer).unwrap();
        self.owed.push(Owed {
            key,
            peer,
            filter,
            messages: vec![greeting],
        });
    }

    fn refilter(&mut self, nth: usize, filter: Filter) {
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

    fn open(&mut self, nth: usize, window: usize) {
        let Some(owed) = self.owed.get(nth) else {
            return;
        };
        owed.peer.borrow_mut().window = window;
        let token = self.state.token(owed.key);
        self.state.look_at(token, false, true);
    }

    fn leave(&mut self, nth: usize) {
        if nth < self.owed.len() {
            let owed = self.owed.swap_remove(nth);
            self.state.end(owed.key, &End::Gone);
        }
    }

    /// Lets everything out.
    fn finish(&mut self) {
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
fn told(peer: &Peer) -> Vec<String> {
    let text = String::from_utf8(peer.received.clone()).unwrap();
    let field = |message: &str, name: &str| {
        message
            .split_once(name)
            .map(|(_, rest)| rest.split([',', '}']).next().unwrap().to_owned())
    };
    text.split_terminator("\n\n")
        .map(|message| {
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

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Gap,
    Distribute,
    Flush(usize),
    Spill,
    Join(Option<usize>),
    Refilter(usize, Option<usize>),
    Open(usize, usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = || prop::option::of(0..DEVICES.len());
    let step = prop_oneof![
        8 => (0..DEVICES.len()).prop_map(Step::Publish),
        1 => Just(Step::Gap),
        4 => Just(Step::Distribute),
        5 => (1_usize..4).prop_map(Step::Flush),
        1 => Just(Step::Spill),
        2 => device().prop_map(Step::Join),
        3 => (0_usize..6, device()).prop_map(|(nth, device)| Step::Refilter(nth, device)),
        5 => (0_usize..6, 0_usize..600).prop_map(|(nth, window)| Step::Open(nth, window)),
        1 => (0_usize..6).prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 1..120)
}

fn filter(device: Option<usize>) -> Filter {
    let mut filter = Filter::default();
    if let Some(device) = device {
        filter
            .add_devices(&[DeviceId::parse(DEVICES[device]).unwrap()], 10)
            .unwrap();
    }
    filter
}

fn play(steps: Vec<Step>, capacity: usize) -> World {
    let mut world = World::new(capacity);
    for step in steps {
        match step {
            Step::Publish(device) => world.publish(device),
            Step::Gap => world.gap(),
            Step::Distribute => world.distribute(),
            Step::Flush(budget) => world.state.flush(budget),
            Step::Spill => world.state.spill(),
            Step::Join(device) => world.join(filter(device)),
            Step::Refilter(nth, device) => world.refilter(nth, filter(device)),
            Step::Open(nth, window) => world.open(nth, window),
            Step::Leave(nth) => world.leave(nth),
        }
    }
    world.finish();
    world
}

proptest! {
    #[test]
    fn everyone_is_sent_what_it_is_owed_in_order_whatever_comes_between(steps in steps()) {
        let world = play(steps, 1000);
        for owed in &world.owed {
            prop_assert_eq!(&told(&owed.peer.borrow()), &owed.messages);
        }
        prop_assert_eq!(world.state.metrics.gaps.get(), 0);
    }

    #[test]
    fn a_full_ring_loses_only_what_it_tells(steps in steps(), capacity in 1_usize..5) {
        let world = play(steps, capacity);
        for owed in &world.owed {
            let told = told(&owed.peer.borrow());
            let lost: usize = told.iter().filter_map(|message| message.strip_prefix("gap ")?.parse::<usize>().ok()).sum();
            let came: Vec<&String> = told.iter().filter(|message| !message.starts_with("gap")).collect();
            prop_assert_eq!(came.len() + lost, owed.messages.len(), "matched == delivered + dropped");
            let mut rest = owed.messages.iter();
            prop_assert!(came.iter().all(|message| rest.any(|one| one == *message)), "in order, none twice");
        }
        let metrics = &world.state.metrics;
        prop_assert_eq!(metrics.delivered.get() + metrics.dropped.get(), world.matched, "nothing is held any more");
    }

    #[test]
    fn nothing_is_left_of_those_who_have_gone(steps in steps()) {
        let mut world = play(steps, 3);
        while !world.owed.is_empty() {
            world.leave(0);
        }
        prop_assert!(world.state.subscribers.is_empty() && world.state.tables.is_empty());
        prop_assert_eq!(world.index.connections(), 0);
        prop_assert!(world.index.find("T").is_none_or(|tenant| tenant.interest() == 0));
    }
}

#[test]
fn a_batch_larger_than_a_ring_costs_a_newcomer_that_reads_nothing() {
    let mut world = World::new(3);
    world.join(filter(None));
    world.publish(0);
    world.join(filter(None));
    world.open(1, usize::MAX);
    (0..10).for_each(|_| world.publish(0));
    world.distribute();
    world.state.flush(usize::MAX);
    let owed = &world.owed[1];
    assert_eq!(told(&owed.peer.borrow()), owed.messages);
}

#[test]
fn a_batch_larger_than_a_ring_costs_nothing_when_the_filter_changes() {
    let mut world = World::new(3);
    world.join(filter(None));
    world.open(0, usize::MAX);
    (0..10).for_each(|_| world.publish(0));
    world.distribute();
    world.refilter(0, filter(Some(1)));
    let owed = &world.owed[0];
    assert_eq!(told(&owed.peer.borrow()), owed.messages);
}
