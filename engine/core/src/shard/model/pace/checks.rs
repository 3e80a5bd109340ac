//! What must hold of paced streams, and their end.

use super::world::{INTERVAL, World};
use crate::index::Overflow;

impl World {
    pub(super) fn check_counts(&self) {
        let counts = self.index.find("T").unwrap().counts();
        let events = &self.state.delivery.metrics.events;
        let counted = [events.delivered.get(), events.dropped.get(), events.conflated.get()];
        assert_eq!([counts.delivered, counts.dropped, counts.conflated], counted);
        assert_eq!(events.matched.get(), counted.iter().sum::<u64>() + events.held.get());
        for owed in &self.owed {
            let seen = self.state.get(owed.id).expect("it is live").counts;
            // A full ring may conflate, too.
            let by_ring = seen.conflated - owed.conflated;
            assert!(by_ring == 0 || self.overflow == Overflow::Latest, "{by_ring} conflated by a ring");
            let is_flushed = self.state.delivery.tick.is_over();
            let sum = seen.delivered + seen.dropped + seen.held + seen.conflated;
            assert!(sum == owed.matched || !is_flushed && sum < owed.matched, "{sum} of {}", owed.matched);
        }
    }

    /// The shard wakes in time for what is due next.
    pub(super) fn check_next_step(&self) {
        let due = self
            .paces
            .values()
            .flat_map(|pace| pace.waiting.keys().map(|device| pace.passed[device] + INTERVAL));
        if let Some(due) = due.min().and_then(|due| due.checked_sub(self.elapsed)) {
            assert!(self.state.next_step() <= self.state.delivery.clock.now() + due);
        }
    }

    /// Lets everything out.
    pub(super) fn finish(&mut self) {
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
