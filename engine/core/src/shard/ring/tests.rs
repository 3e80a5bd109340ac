//! A ring against examples of each policy, and against the plainest model of it.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::{self, Event, Parser};
use crate::shard::filter::Filter;
use crate::shard::outgoing::{Outgoing, SubscriptionKey};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

fn event(id: u64, device: &str) -> Addressed {
    let tenant = TenantId::parse("T").unwrap();
    let topic = format!("tenant/T/device/{device}/telemetry");
    let payload = format!(r#"{{"metrics":{{"n":{id}}}}}"#);
    let mut parser = Parser::new(&event::Config::default());
    let event: Event = parser.parse(EventId::new(id), &tenant, device, &topic, payload.as_bytes()).unwrap();
    Addressed {
        outgoing: Rc::new(Outgoing::of_event(Arc::new(event), 1)),
        key: Rc::new(SubscriptionKey { filter: Filter::default(), encoding: Encoding::Sse, pace: None }),
    }
}

/// Writes everything, `step` bytes at a time, and returns what stands there: event numbers, gaps, notices.
fn read_all(ring: &mut Ring, step: usize) -> (Vec<String>, u64) {
    let (mut bytes, mut delivered) = (Vec::new(), 0);
    while !ring.is_empty() {
        delivered += write_some(ring, step, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    let sent = text.split("\n\n").filter(|message| !message.is_empty()).map(|message| {
        let field = |name: &str| message.split_once(name).map(|(_, rest)| rest.split([',', '}']).next().unwrap());
        match (field("\"n\":"), field("\"dropped\":")) {
            (Some(n), _) => n.to_owned(),
            (_, Some(dropped)) => format!("gap {dropped}"),
            _ => message.to_owned(),
        }
    });
    (sent.collect(), delivered)
}

fn write_some(ring: &mut Ring, step: usize, bytes: &mut Vec<u8>) -> u64 {
    let written = ring.write_out(Encoding::Sse, &mut Untimed::default(), |slices| {
        let waiting: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let n = step.min(waiting.len());
        bytes.extend_from_slice(&waiting[..n]);
        Ok::<_, Infallible>(n)
    });
    written.unwrap().events
}

fn filled(overflow: Overflow, capacity: usize, devices: &[&str]) -> (Ring, u64) {
    let (mut ring, mut dropped) = (Ring::new(Tenths::default()), 0);
    for (n, device) in devices.iter().enumerate() {
        match ring.push(event(n as u64 + 1, device), capacity, overflow) {
            Pushed::Held => {}
            Pushed::Dropped(events) => dropped += events,
            Pushed::Refused | Pushed::Behind => dropped += 1,
        }
    }
    (ring, dropped)
}

#[test]
fn drop_newest_reports_one_gap_behind_what_waits() {
    let (mut ring, dropped) = filled(Overflow::DropNewest, 2, &["A"; 6]);
    assert_eq!(dropped, 4);
    assert_eq!(read_all(&mut ring, usize::MAX), (vec!["1".into(), "2".into(), "gap 4".into()], 2));
}

#[test]
fn drop_oldest_reports_one_gap_before_what_is_left() {
    let (mut ring, dropped) = filled(Overflow::DropOldest, 2, &["A"; 6]);
    assert_eq!(dropped, 4);
    assert_eq!(read_all(&mut ring, 7), (vec!["gap 4".into(), "5".into(), "6".into()], 2));
}

#[test]
fn a_ring_that_is_fuller_than_it_may_be_now_loses_what_its_policy_says() {
    let mut ring = filled(Overflow::DropOldest, 4, &["A"; 4]).0;
    assert_eq!(ring.push(event(5, "A"), 2, Overflow::DropOldest), Pushed::Dropped(3));
    let sent = ["gap 3", "4", "5"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, usize::MAX), (sent, 2));
    for overflow in [Overflow::DropNewest, Overflow::Latest] {
        let mut ring = filled(overflow, 4, &["A", "B", "C", "D"]).0;
        assert_eq!(ring.push(event(5, "E"), 2, overflow), Pushed::Dropped(1));
        assert_eq!(ring.held(), 4, "it does not grow, and keeps what it has");
    }
}

#[test]
fn latest_keeps_the_newest_event_of_each_device() {
    let (mut ring, dropped) = filled(Overflow::Latest, 3, &["A", "B", "A", "A", "C"]);
    assert_eq!(dropped, 2);
    let sent = ["gap 1", "2", "gap 1", "4", "5"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, usize::MAX), (sent, 3));
}

#[test]
fn latest_drops_the_oldest_where_every_device_is_another() {
    let (mut ring, dropped) = filled(Overflow::Latest, 2, &["A", "B", "C"]);
    assert_eq!((dropped, read_all(&mut ring, 5).0), (1, vec!["gap 1".into(), "2".into(), "3".into()]));
}

#[test]
fn disconnect_refuses_what_does_not_fit() {
    let mut ring = filled(Overflow::Disconnect, 1, &["A"]).0;
    assert_eq!(ring.push(event(2, "A"), 1, Overflow::Disconnect), Pushed::Refused);
    assert_eq!((ring.held(), ring.discard_events(), ring.held()), (1, 1, 0));
}

#[test]
fn what_is_partly_on_the_wire_is_neither_dropped_nor_cut() {
    let mut ring = filled(Overflow::DropOldest, 1, &["A"]).0;
    let mut bytes = Vec::new();
    write_some(&mut ring, 3, &mut bytes);
    assert_eq!(ring.push(event(2, "A"), 1, Overflow::DropOldest), Pushed::Held);
    assert_eq!(ring.push(event(3, "A"), 1, Overflow::DropOldest), Pushed::Dropped(1));
    assert_eq!(ring.discard_events(), 1);
    assert_eq!(ring.held(), 1);
    while !ring.is_empty() {
        write_some(&mut ring, 3, &mut bytes);
    }
    let whole = event(1, "A");
    assert_eq!(bytes, whole.bytes());
}

#[test]
fn notices_keep_their_place_and_are_bounded() {
    let mut ring = filled(Overflow::DropNewest, 1, &["A", "A"]).0;
    ring.push_notice(b"answer\n\n", 8).unwrap();
    assert_eq!(ring.push_notice(b"x", 8), Err(End::SlowConsumer));
    assert_eq!(ring.push(event(3, "A"), 1, Overflow::DropNewest), Pushed::Dropped(1));
    let sent = ["1", "gap 1", "answer", "gap 1"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, 1).0, sent);
}

/// The plainest model of each policy: a list of what a reader is sent.
#[derive(Debug, Default)]
struct Model {
    waiting: VecDeque<(u64, usize)>,
    dropped: Vec<u64>,
}

impl Model {
    fn push(&mut self, id: u64, device: usize, capacity: usize, overflow: Overflow) {
        if self.waiting.len() == capacity {
            match overflow {
                Overflow::DropNewest | Overflow::Disconnect | Overflow::CatchUp => return self.dropped.push(id),
                Overflow::DropOldest => self.dropped.extend(self.waiting.pop_front().map(|(id, _)| id)),
                Overflow::Latest => self.keep_latest(device),
            }
        }
        self.waiting.push_back((id, device));
    }

    fn keep_latest(&mut self, device: usize) {
        let all: Vec<(u64, usize)> = self.waiting.iter().copied().collect();
        let overtaken = |at: usize| all[at].1 == device || all[at + 1..].iter().any(|later| later.1 == all[at].1);
        let mut gone: Vec<usize> = (0..all.len()).filter(|&at| overtaken(at)).collect();
        if gone.is_empty() {
            gone.push(0);
        }
        self.dropped.extend(gone.iter().map(|&at| all[at].0));
        self.waiting = (0..all.len()).filter(|at| !gone.contains(at)).map(|at| all[at]).collect();
    }
}

fn policies() -> impl Strategy<Value = Overflow> {
    prop::sample::select(vec![Overflow::DropNewest, Overflow::DropOldest, Overflow::Latest, Overflow::Disconnect])
}

proptest! {
    #[test]
    fn a_ring_is_what_its_model_is(
        overflow in policies(),
        capacity in 1_usize..6,
        // None: write everything out.
        steps in prop::collection::vec(prop::option::weighted(0.9, 0_usize..4), 1..80),
        step in 1_usize..300,
    ) {
        let devices = ["A", "B", "C", "D"];
        let (mut ring, mut model) = (Ring::new(Tenths::default()), Model::default());
        let (mut pushed, mut sent, mut expected, mut delivered, mut dropped) = (0, Vec::new(), Vec::new(), 0, 0);
        for action in steps.into_iter().chain([None]) {
            let Some(device) = action else {
                let (messages, events) = read_all(&mut ring, step);
                sent.extend(messages);
                delivered += events;
                expected.extend(model.waiting.drain(..).map(|(id, _)| id.to_string()));
                continue;
            };
            pushed += 1;
            model.push(pushed, device, capacity, overflow);
            match ring.push(event(pushed, devices[device]), capacity, overflow) {
                Pushed::Held => {}
                Pushed::Dropped(events) => dropped += events,
                Pushed::Refused | Pushed::Behind => dropped += 1,
            }
            prop_assert_eq!(pushed, delivered + dropped + ring.held(), "pushed == delivered + dropped + held");
        }
        let numbers: Vec<String> = sent.iter().filter(|message| !message.starts_with("gap")).cloned().collect();
        prop_assert_eq!(numbers, expected);
        prop_assert_eq!(dropped, model.dropped.len() as u64);
        if overflow != Overflow::Disconnect {
            let counted: u64 = sent.iter().filter_map(|message| message.strip_prefix("gap ")?.parse::<u64>().ok()).sum();
            prop_assert_eq!(counted, dropped, "the gaps report every loss");
            prop_assert!(sent.windows(2).all(|two| !two.iter().all(|message| message.starts_with("gap"))), "gaps merge");
        }
    }
}
