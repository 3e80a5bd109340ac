//! Subscribers with a pace, against the plainest model of it: for each filter one pacer that knows by name whose own each
//! waiting event is.

mod checks;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::world::{ALL_WANTED, Wanted, World};
use super::owed::{DEVICES, received};
use super::policy;
use crate::index::Overflow;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    /// So many milliseconds pass.
    Wait(u64),
    Distribute,
    Flush(usize),
    Spill,
    Join(Wanted),
    /// Comes back, after an event that is not the newest.
    Resume(Wanted, u64),
    Refilter(usize, Wanted),
    Snapshot(usize),
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
        2 => (wanted(), 0_u64..10).prop_map(|(wanted, back)| Step::Resume(wanted, back)),
        2 => (0_usize..8, wanted()).prop_map(|(nth, wanted)| Step::Refilter(nth, wanted)),
        1 => (0_usize..8).prop_map(Step::Snapshot),
        4 => (0_usize..8, 0_usize..600).prop_map(|(nth, window)| Step::Open(nth, window)),
        1 => (0_usize..8, any::<bool>()).prop_map(|(nth, is_gone)| Step::End(nth, is_gone)),
        1 => (0_usize..8).prop_map(Step::Go),
    ];
    prop::collection::vec(step, 1..150)
}

impl World {
    fn play(&mut self, step: Step) {
        let (stay, all) = (ALL_WANTED.len(), self.owed.len());
        let is_there = |nth| stay + nth < all;
        match step {
            Step::Publish(device) => self.publish(device),
            Step::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Step::Distribute => self.distribute(),
            Step::Flush(budget) => self.state.flush(budget),
            Step::Spill => self.state.hold_tick(),
            Step::Join(wanted) => self.join(wanted, self.newest),
            Step::Resume(wanted, back) => self.join(wanted, self.newest.saturating_sub(back).max(1).min(self.newest)),
            Step::Refilter(nth, wanted) if is_there(nth) => self.refilter(stay + nth, wanted),
            Step::Snapshot(nth) if is_there(nth) => self.snapshot(stay + nth),
            Step::Open(nth, window) if is_there(nth) => self.open(stay + nth, window),
            Step::End(nth, is_gone) if is_there(nth) => self.end(stay + nth, is_gone),
            Step::Go(nth) if is_there(nth) => self.go(stay + nth),
            Step::Refilter(..) | Step::Snapshot(_) | Step::Open(..) | Step::End(..) | Step::Go(_) => {}
        }
        self.forget_ended();
        self.note_who_is_in_step();
        self.check_counts();
        self.check_next_step();
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
            let sent = owed.messages.len() as u64 - owed.uncounted;
            prop_assert_eq!(sent + owed.conflated, owed.matched, "the last one comes");
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
