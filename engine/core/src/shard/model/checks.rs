//! What must hold of a shard at any moment, and once nothing is under way.

use super::world::World;
use crate::index::Count;

impl World {
    /// Events of which is counted what became of them.
    pub(super) fn fates(&self) -> u64 {
        let events = &self.state.delivery.metrics.events;
        events.delivered.get() + events.dropped.get() + events.conflated.get()
    }

    /// What is counted of the tenant is what is counted of the shard, subscribers that have left included; the model counts no bytes, and
    /// events that are under way are counted nowhere.
    pub(super) fn check_counts(&self) {
        let counts = self.index.find("T").map(|tenant| tenant.counts()).unwrap_or_default();
        let metrics = &self.state.delivery.metrics;
        let (streams, events) = (&metrics.streams, &metrics.events);
        let counted = [&streams.sse, &events.delivered, &events.dropped, &events.conflated, &metrics.bytes];
        let of_tenant = [counts.sse, counts.delivered, counts.dropped, counts.conflated, counts.bytes];
        assert_eq!(of_tenant, counted.map(Count::get));
        assert_eq!(counts.sse, self.owed.len() as u64);
        let (mut held, mut lagging) = (0, 0);
        for subscriber in self.state.registry.all() {
            held += subscriber.held();
            lagging += u64::from(subscriber.ring.is_some());
        }
        for owed in &self.owed {
            let subscriber = &self.state.registry[owed.key];
            assert!(subscriber.settled() <= owed.matched, "counted twice");
        }
        assert_eq!((events.held.get(), streams.lagging.get()), (held, lagging));
        assert!(lagging > 0 || events.held_bytes.get() == 0 || !self.is_flushed(), "no ring holds them");
        assert_eq!(events.matched.get(), self.fates() + held);
        assert_eq!(self.state.registry.live.len(), self.owed.len());
    }

    /// With nothing under way: matched == delivered + dropped + held + conflated, for each and for the shard, and every
    /// delivery has its time.
    pub(super) fn check_each(&mut self) {
        self.state.delivery.count_delays();
        let metrics = &self.state.delivery.metrics;
        let timed: u64 = metrics.delays.counts.iter().map(Count::get).sum();
        assert_eq!(timed, metrics.events.delivered.get());
        assert_eq!(metrics.events.matched.get(), self.matched);
        for owed in &self.owed {
            let stream = self.state.get(owed.id).expect("it is live");
            let seen = stream.counts;
            assert_eq!(seen.delivered + seen.dropped + seen.held + seen.conflated, owed.matched);
            assert_eq!(seen.bytes, owed.peer.bytes() as u64);
            assert_eq!(stream.filter, owed.filter);
        }
    }

    /// Lets everything out.
    pub(super) fn finish(&mut self) {
        (0..self.owed.len()).for_each(|nth| self.open(nth, usize::MAX));
        for ended in &self.ended {
            ended.peer.set_window(usize::MAX);
        }
        self.state.flush(usize::MAX);
        self.distribute();
        self.state.flush(usize::MAX);
        while self.state.registry.revisits() > 0 {
            self.state.look_again(usize::MAX);
        }
        assert!(self.is_flushed() && self.inbox.is_empty());
        self.wait_for_ends();
    }
}
