//! A ring against examples of each policy.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use super::conflation::EMPTY_PLACES;
use super::*;
use crate::event::{self, Event, Parser};
use crate::index::Overflow;
use crate::shard::filter::Filter;
use crate::shard::metrics::{Metrics, Untimed};
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

/// No bounds but on the number of events.
fn unbounded() -> Pinned {
    Pinned::new(&Arc::new(Metrics::default()), usize::MAX)
}

fn gap(gap: Gap) -> Vec<u8> {
    let mut bytes = Vec::new();
    gap.encode(Encoding::Sse, &mut bytes);
    bytes
}

impl Pushed {
    /// The events that were passed over, where the ring conflates.
    fn passed(self) -> Option<u64> {
        match self {
            Self::Conflated(events) => Some(events),
            _ => None,
        }
    }
}

impl Ring {
    fn put(&mut self, event: Addressed, capacity: usize, overflow: Overflow) -> Pushed {
        self.push(event, &Bounds { events: capacity, bytes: usize::MAX, pinned: &unbounded() }, overflow)
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
            (_, Some(passed)) if message.contains("conflated") => format!("conflated {passed}"),
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
        match ring.put(event(n as u64 + 1, device), capacity, overflow) {
            Pushed::Held => {}
            Pushed::Dropped(events) | Pushed::Conflated(events) => dropped += events,
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
    assert_eq!(ring.put(event(5, "A"), 2, Overflow::DropOldest), Pushed::Dropped(3));
    let sent = ["gap 3", "4", "5"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, usize::MAX), (sent, 2));
    let mut ring = filled(Overflow::DropNewest, 4, &["A", "B", "C", "D"]).0;
    assert_eq!(ring.put(event(5, "E"), 2, Overflow::DropNewest), Pushed::Dropped(1));
    assert_eq!(ring.held(), 4, "it does not grow, and keeps what it has");
    let mut ring = filled(Overflow::Latest, 4, &["A", "B", "C", "D"]).0;
    assert_eq!(ring.put(event(5, "E"), 2, Overflow::Latest), Pushed::Conflated(3));
    assert_eq!(read_all(&mut ring, usize::MAX).0, ["conflated 0", "4", "5", "conflated 3"]);
}

#[test]
fn latest_holds_every_event_as_long_as_there_is_room() {
    let (mut ring, passed) = filled(Overflow::Latest, 5, &["A", "B", "A", "A", "A"]);
    assert_eq!(passed, 0);
    assert_eq!(read_all(&mut ring, usize::MAX).0, ["1", "2", "3", "4", "5"]);
}

#[test]
fn latest_turns_to_the_newest_event_of_each_device_and_back_with_exact_numbers() {
    let (mut ring, passed) = filled(Overflow::Latest, 3, &["A", "B", "A", "A", "C", "B"]);
    assert_eq!(passed, 3, "1 by the turn; then 3 and 2");
    let sent = ["conflated 1", "4", "5", "6", "conflated 2"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, usize::MAX), (sent, 3));
    assert_eq!(ring.put(event(7, "A"), 3, Overflow::Latest), Pushed::Held);
    assert_eq!(ring.put(event(8, "A"), 3, Overflow::Latest), Pushed::Held);
    assert_eq!(read_all(&mut ring, 5).0, ["7", "8"], "all events follow");
}

#[test]
fn latest_passes_over_the_oldest_where_every_device_is_another() {
    let (mut ring, passed) = filled(Overflow::Latest, 2, &["A", "B", "C"]);
    assert_eq!(passed, 1);
    assert_eq!(read_all(&mut ring, 5).0, ["conflated 0", "2", "3", "conflated 1"]);
}

#[test]
fn a_turn_in_a_subscriber_that_reads_a_little_stands_behind_what_it_has_begun_to_read() {
    let mut ring = filled(Overflow::Latest, 3, &["A", "A", "A"]).0;
    let mut bytes = Vec::new();
    write_some(&mut ring, 3, &mut bytes);
    ring.push_notice(b"answer\n\n", 100).unwrap();
    for id in 4..8 {
        ring.put(event(id, "A"), 3, Overflow::Latest);
    }
    while !ring.is_empty() {
        write_some(&mut ring, 3, &mut bytes);
    }
    let whole: Vec<u8> = [
        event(1, "A").bytes(),
        &gap(Gap::Conflated(2)),
        b"answer\n\n",
        event(7, "A").bytes(),
        &gap(Gap::Conflated(3)),
    ]
    .concat();
    assert_eq!(String::from_utf8(bytes), String::from_utf8(whole));
}

#[test]
fn what_a_stalled_subscriber_costs_under_latest_is_bounded() {
    let mut ring = filled(Overflow::Latest, 8, &["A"; 9]).0;
    ring.push_notice(b"answer\n\n", 100).unwrap();
    for id in 10..10_000 {
        assert_eq!(
            ring.put(event(id, ["A", "B", "C"][id as usize % 3]), 8, Overflow::Latest).passed(),
            Some(u64::from(id > 11))
        );
        assert!(ring.held() <= 3 && ring.entries.len() <= 3 + 2 + 2 * EMPTY_PLACES);
    }
}

#[test]
fn a_ring_that_conflates_goes_on_with_its_new_policy_behind_a_gap() {
    let conflating = || filled(Overflow::Latest, 2, &["A", "A", "A"]).0;
    let mut ring = conflating();
    assert_eq!(ring.put(event(4, "B"), 2, Overflow::DropNewest), Pushed::Held);
    assert_eq!(ring.put(event(5, "B"), 2, Overflow::DropNewest), Pushed::Dropped(1));
    assert_eq!(read_all(&mut ring, 9).0, ["conflated 1", "3", "conflated 1", "4", "gap 1"]);
    let mut ring = conflating();
    assert_eq!(ring.put(event(4, "A"), 1, Overflow::CatchUp), Pushed::Behind);
    assert_eq!(read_all(&mut ring, 9).0, ["conflated 1", "3", "conflated 1"]);
    let mut ring = conflating();
    assert_eq!((ring.discard_events(), ring.held(), ring.is_empty()), (1, 0, true));
}

#[test]
fn disconnect_refuses_what_does_not_fit() {
    let mut ring = filled(Overflow::Disconnect, 1, &["A"]).0;
    assert_eq!(ring.put(event(2, "A"), 1, Overflow::Disconnect), Pushed::Refused);
    assert_eq!((ring.held(), ring.discard_events(), ring.held()), (1, 1, 0));
}

#[test]
fn what_is_partly_on_the_wire_is_neither_dropped_nor_cut() {
    let mut ring = filled(Overflow::DropOldest, 1, &["A"]).0;
    let mut bytes = Vec::new();
    write_some(&mut ring, 3, &mut bytes);
    assert_eq!(ring.put(event(2, "A"), 1, Overflow::DropOldest), Pushed::Held);
    assert_eq!(ring.put(event(3, "A"), 1, Overflow::DropOldest), Pushed::Dropped(1));
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
    assert_eq!(ring.put(event(3, "A"), 1, Overflow::DropNewest), Pushed::Dropped(1));
    let sent = ["1", "gap 1", "answer", "gap 1"].map(str::to_owned).to_vec();
    assert_eq!(read_all(&mut ring, 1).0, sent);
}

#[test]
fn events_are_bounded_by_their_memory() {
    let bytes = event(1, "A").outgoing.memory();
    let pinned = unbounded();
    let bounds = Bounds { events: 10, bytes: 2 * bytes, pinned: &pinned };
    for (overflow, third) in [
        (Overflow::DropNewest, Pushed::Dropped(1)),
        (Overflow::DropOldest, Pushed::Dropped(1)),
        (Overflow::Latest, Pushed::Conflated(1)),
        (Overflow::Disconnect, Pushed::Refused),
        (Overflow::CatchUp, Pushed::Behind),
    ] {
        let mut ring = Ring::new(Tenths::default());
        let pushed: Vec<Pushed> = ["A", "B", "C"]
            .iter()
            .map(|device| ring.push(event(1, device), &bounds, overflow))
            .collect();
        assert_eq!(pushed, [Pushed::Held, Pushed::Held, third], "{overflow:?}");
        assert_eq!((ring.held(), ring.held_bytes), (2, 2 * bytes), "{overflow:?}");
        read_all(&mut ring, 50);
        assert_eq!(ring.held_bytes, 0);
        let small = Bounds { bytes: bytes - 1, ..bounds };
        assert_eq!(ring.push(event(4, "A"), &small, overflow), Pushed::Held, "an empty ring takes any");
    }
}

#[test]
fn the_events_of_all_rings_are_bounded_together_and_each_counts_once() {
    let (metrics, first, second) = (Arc::new(Metrics::default()), event(1, "A"), event(2, "B"));
    let bytes = first.outgoing.memory();
    let pinned = Pinned::new(&metrics, 2 * bytes);
    metrics.streams.lagging.add(2);
    let bounds = Bounds { events: 10, bytes: usize::MAX, pinned: &pinned };
    let mut rings = [Ring::new(Tenths::default()), Ring::new(Tenths::default())];
    for ring in &mut rings {
        for event in [&first, &second] {
            assert_eq!(ring.push(event.clone(), &bounds, Overflow::DropNewest), Pushed::Held);
        }
        assert_eq!(ring.push(event(3, "C"), &bounds, Overflow::DropNewest), Pushed::Dropped(1));
    }
    drop((first, second));
    let counted = || metrics.events.held_bytes.get();
    assert_eq!(counted(), 2 * bytes as u64);
    let [read, stalled] = &mut rings;
    read_all(read, 50);
    assert_eq!(counted(), 2 * bytes as u64, "the other ring holds them");
    assert_eq!(stalled.push(event(4, "C"), &bounds, Overflow::DropOldest), Pushed::Dropped(1));
    assert_eq!(counted(), 2 * bytes as u64);
    assert_eq!(stalled.discard_events(), 2);
    assert_eq!(counted(), 0);
}

#[test]
fn what_one_ring_lets_go_the_others_let_go_too() {
    let metrics = Arc::new(Metrics::default());
    let bytes = event(10, "A").outgoing.memory();
    let pinned = Pinned::new(&metrics, 5 * bytes);
    metrics.streams.lagging.add(3);
    let bounds = Bounds { events: 1000, bytes: usize::MAX, pinned: &pinned };
    for overflow in [Overflow::DropOldest, Overflow::Latest] {
        let mut rings = [0; 3].map(|_| Ring::new(Tenths::default()));
        for id in 10..99 {
            let event = event(id, ["A", "B", "C", "D", "E", "F", "G"][id as usize % 7]);
            rings.iter_mut().for_each(|ring| _ = ring.push(event.clone(), &bounds, overflow));
            drop(event);
            assert!(metrics.events.held_bytes.get() <= 5 * bytes as u64, "{overflow:?}");
        }
        assert!(rings.iter().all(|ring| ring.held() == 5), "{overflow:?}");
    }
}

#[test]
fn who_lagged_first_leaves_something_to_who_lags_later() {
    let (metrics, bytes) = (Arc::new(Metrics::default()), event(10, "A").outgoing.memory());
    let pinned = Pinned::new(&metrics, 8 * bytes);
    let bounds = Bounds { events: 1000, bytes: usize::MAX, pinned: &pinned };
    let mut rings = [0; 4].map(|_| Ring::new(Tenths::default()));
    for (nth, ring) in rings.iter_mut().enumerate() {
        metrics.streams.lagging.add(1);
        for id in 0..20 {
            ring.push(event(10 + 20 * nth as u64 + id, "A"), &bounds, Overflow::DropNewest);
        }
    }
    assert_eq!(rings.map(|ring| ring.held()), [8, 4, 2, 2], "all of it, then an equal share of each");
}

mod model;
