//! A shard against the plainest model of it: each subscriber has a list of what it is owed, in order.

mod checks;
mod owed;
mod pace;
mod time;
mod world;

use proptest::prelude::*;

use self::owed::{DEVICES, received};
use self::world::World;
use super::filter::Filter;
use crate::index::Overflow;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::DeviceId;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Gap,
    Refused,
    Distribute,
    Flush(usize),
    Spill,
    Join(Option<usize>),
    /// One comes back that has missed so many entries.
    ComeBack(Option<usize>, usize),
    /// One comes that wants the last event of each device first.
    JoinWithSnapshot(Option<usize>),
    Refilter(usize, Option<usize>),
    Open(usize, usize),
    Leave(usize),
    Go(usize),
    Limit(usize, Overflow),
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = || prop::option::of(0..DEVICES.len());
    let step = prop_oneof![
        8 => (0..DEVICES.len()).prop_map(Step::Publish),
        1 => Just(Step::Gap),
        1 => Just(Step::Refused),
        4 => Just(Step::Distribute),
        5 => (1_usize..4).prop_map(Step::Flush),
        1 => Just(Step::Spill),
        2 => device().prop_map(Step::Join),
        2 => (device(), 0_usize..30).prop_map(|(device, missed)| Step::ComeBack(device, missed)),
        1 => device().prop_map(Step::JoinWithSnapshot),
        3 => (0_usize..6, device()).prop_map(|(nth, device)| Step::Refilter(nth, device)),
        5 => (0_usize..6, 0_usize..600).prop_map(|(nth, window)| Step::Open(nth, window)),
        1 => (0_usize..6).prop_map(Step::Leave),
        1 => (0_usize..6).prop_map(Step::Go),
        1 => (1_usize..5, policy()).prop_map(|(queue_size, overflow)| Step::Limit(queue_size, overflow)),
        1 => (1_u32..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

fn policy() -> impl Strategy<Value = Overflow> {
    prop::sample::select(Overflow::NAMED.map(|(_, policy)| policy).to_vec())
}

fn filter(device: Option<usize>) -> Filter {
    let mut filter = Filter::default();
    if let Some(device) = device {
        filter.add(&Names::Device(DeviceId::parse(DEVICES[device]).unwrap()), 10).unwrap();
    }
    filter
}

/// What may wait in memory for each, and for all. An event takes some 700 bytes.
fn bytes() -> impl Strategy<Value = (usize, usize)> {
    let bound = || prop_oneof![Just(usize::MAX), 0_usize..5000];
    (bound(), bound())
}

/// A ring in which everything has room that a test publishes; its size does not change then.
const NO_LOSS: usize = 1000;

fn play(steps: Vec<Step>, capacity: usize) -> World {
    play_in(World::new(capacity), steps, capacity)
}

fn play_in(mut world: World, steps: Vec<Step>, capacity: usize) -> World {
    for step in steps {
        match step {
            Step::Publish(device) => world.publish(device),
            Step::Gap => world.gap(),
            Step::Refused => world.refused(),
            Step::Distribute => world.distribute(),
            Step::Flush(budget) => world.state.flush(budget),
            Step::Spill => world.state.hold_tick(),
            Step::Join(device) => world.join(filter(device)),
            Step::ComeBack(device, missed) => world.come_back(filter(device), missed),
            Step::JoinWithSnapshot(device) => world.join_with_snapshot(filter(device)),
            Step::Refilter(nth, device) => world.refilter(nth, filter(device)),
            Step::Open(nth, window) => world.open(nth, window),
            Step::Leave(nth) => world.leave(nth),
            Step::Go(nth) => world.go(nth),
            Step::Limit(queue_size, overflow) if capacity < NO_LOSS => world.limit(queue_size, overflow),
            Step::Limit(..) => {}
            Step::Wait(steps) => world.wait(steps),
        }
        world.forget_ended();
        world.check_counts();
        if world.is_flushed() {
            world.check_each();
        }
    }
    world.finish();
    world.check_each();
    world
}

proptest! {
    #[test]
    fn everyone_is_sent_what_it_is_owed_in_order_whatever_comes_between(steps in steps()) {
        let world = play(steps, NO_LOSS);
        let mut gaps = 0;
        for owed in &world.owed {
            prop_assert_eq!(&received(&owed.peer), &owed.messages);
            gaps += owed.messages.iter().filter(|message| *message == "upstream").count() as u64;
        }
        let sent = &world.state.delivery.metrics.gaps;
        let counted = sent.upstream.get();
        prop_assert!((gaps..=world.gaps).contains(&counted), "who has left may have been sent it, or not");
        prop_assert_eq!(sent.overflow.get(), 0);
    }

    #[test]
    fn a_full_ring_loses_only_what_its_gaps_report(steps in steps(), capacity in 1_usize..5, bytes in bytes()) {
        let world = play_in(World::bounded(capacity, bytes), steps, capacity);
        for owed in &world.owed {
            let received = received(&owed.peer);
            let lost: usize = received.iter().filter_map(|message| message.strip_prefix("gap ")?.parse::<usize>().ok()).sum();
            let came: Vec<&String> = received.iter().filter(|message| !message.starts_with("gap")).collect();
            prop_assert_eq!(came.len() + lost, owed.messages.len(), "matched == delivered + dropped + conflated");
            let mut rest = owed.messages.iter();
            prop_assert!(came.iter().all(|message| rest.any(|one| one == *message)), "in order, none twice");
        }
        prop_assert_eq!(world.fates(), world.matched, "nothing is held any more");
    }

    #[test]
    fn under_latest_the_newest_event_of_each_device_comes(steps in steps(), capacity in DEVICES.len()..8) {
        let world = World::new(capacity);
        world.limit(capacity, Overflow::Latest);
        let steps = steps.into_iter().filter(|step| !matches!(step, Step::Limit(..))).collect();
        let world = play_in(world, steps, capacity);
        for owed in &world.owed {
            let received = received(&owed.peer);
            for newest in &owed.newest {
                prop_assert!(newest.is_none_or(|newest| received.contains(&newest.to_string())));
            }
        }
    }

    #[test]
    fn a_small_history_loses_only_what_the_gaps_report(steps in steps(), capacity in 1_usize..5, kept in 0_usize..12) {
        let world = play_in(World::with_history(capacity, kept), steps, capacity);
        let is_event = |message: &&String| message.parse::<u64>().is_ok();
        for owed in &world.owed {
            let received = received(&owed.peer);
            let lost: usize = received.iter().filter_map(|message| message.strip_prefix("gap ")?.parse::<usize>().ok()).sum();
            let came: Vec<&String> = received.iter().filter(is_event).collect();
            let owes: Vec<&String> = owed.messages.iter().filter(is_event).collect();
            prop_assert_eq!(came.len() + lost, owes.len(), "matched == delivered + dropped + conflated");
            let mut rest = owes.iter();
            prop_assert!(came.iter().all(|message| rest.any(|one| one == message)), "in order, none twice");
        }
        prop_assert_eq!(world.fates(), world.matched, "nothing is held any more");
    }

    #[test]
    fn nothing_is_left_of_those_who_have_gone(steps in steps()) {
        let mut world = play(steps, 3);
        while !world.owed.is_empty() {
            world.leave(0);
        }
        world.wait_for_ends();
        prop_assert!(world.state.registry.is_empty() && world.state.matcher.is_empty());
        prop_assert_eq!(world.index.connections(), 0);
        prop_assert_eq!(world.state.delivery.metrics.events.held_bytes.get(), 0);
        prop_assert!(world.index.find("T").is_none_or(|tenant| tenant.interest() == 0));
    }
}

#[test]
fn a_batch_larger_than_a_ring_costs_a_new_subscriber_that_reads_nothing() {
    let mut world = World::new(3);
    world.join(filter(None));
    world.publish(0);
    world.join(filter(None));
    world.open(1, usize::MAX);
    (0..10).for_each(|_| world.publish(0));
    world.distribute();
    world.state.flush(usize::MAX);
    let owed = &world.owed[1];
    assert_eq!(received(&owed.peer), owed.messages);
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
    assert_eq!(received(&owed.peer), owed.messages);
}
