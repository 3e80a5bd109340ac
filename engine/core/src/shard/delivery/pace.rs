//! A member takes with it what its pace holds back of its own.

use super::Delivery;
use crate::shard::keys::{CohortKey, SubscriberKey};
use crate::shard::matcher::{Audience, Matcher};
use crate::shard::registry::Registry;
use floodway_protocol::End;

impl Delivery {
    /// Counts events as matched of which is known now what becomes of them. Those that a pace had held back were counted
    /// when they came, and held until now.
    #[inline]
    pub(super) fn count_matched(&mut self, events: u64) {
        let counts = &self.metrics.events;
        if self.tick.released == 0 {
            return counts.matched.add(events);
        }
        let released = events.min(self.tick.released);
        self.tick.released -= released;
        counts.held.sub(released);
        counts.matched.add(events - released);
    }

    /// Delivers what its cohort's pace holds back of a member's own, so that it may leave the cohort.
    ///
    /// # Errors
    /// With its end, if the stream can't go on. What it was owed is counted as dropped then.
    pub(crate) fn settle_pace(
        &mut self,
        registry: &mut Registry,
        matcher: &mut Matcher,
        key: SubscriberKey,
    ) -> Result<(), End> {
        let Some((cohort, own)) = self.leave_pace(registry, matcher, key) else {
            return Ok(());
        };
        let tenant = matcher.tenant(cohort.tenant);
        let limits = tenant.limits();
        let audience = tenant.cohorts[cohort.cohort as usize].audience(&limits, &tenant.tenant);
        let audience = Audience { batch: &own, ..audience };
        let written = self.write_each(registry, &audience, key);
        self.tick.take_back(own.len());
        written
    }

    /// Counts as dropped what its cohort's pace holds back of a member's own.
    pub(crate) fn forgo_pace(&mut self, registry: &mut Registry, matcher: &mut Matcher, key: SubscriberKey) {
        if let Some((_, own)) = self.leave_pace(registry, matcher, key) {
            self.drop_all(&mut registry[key], &own);
            self.tick.take_back(own.len());
        }
    }

    /// Takes a member out of its cohort's pace, and counts what that has conflated for it. Adds its own events that wait to
    /// those of the tick, for a moment, and returns their numbers; none if there are none.
    fn leave_pace(
        &mut self,
        registry: &mut Registry,
        matcher: &mut Matcher,
        key: SubscriberKey,
    ) -> Option<(CohortKey, Vec<u32>)> {
        let subscriber = registry.get_mut(key)?;
        let cohort = subscriber.live()?.position.cohort;
        let (_, conflated) = matcher.cohort(cohort).paced.as_ref()?.share(key, subscriber.settled());
        subscriber.info.conflated += conflated;
        let own = matcher.leave_pace(key, cohort);
        if own.is_empty() {
            return None;
        }
        self.tick.released += own.len() as u64;
        Some((cohort, own.into_iter().map(|(event, position)| self.tick.put(event, position)).collect()))
    }
}
