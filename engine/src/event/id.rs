//! Ids of events.
//!
//! Invariant: an [`IdSource`] never gives the same id twice, and each is greater than all before it. Ids follow the
//! clock, so this holds across a restart too, unless the clock was set back or more than a million events a second
//! ran ahead of it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Position of an event among the events of one gateway. Decimal where clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// The id with this number.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Gives each event its id. One per gateway: two would not know each other's ids.
#[derive(Debug, Default)]
pub struct IdSource {
    last: u64,
}

impl IdSource {
    /// A source that begins at the present time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next id: the Unix time in microseconds, or one more than the last id if the clock is not past that.
    #[expect(
        clippy::should_implement_trait,
        reason = "ids never end, so there is no `None` for an iterator to give"
    )]
    pub fn next(&mut self) -> EventId {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.next_at(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
    }

    fn next_at(&mut self, now_micros: u64) -> EventId {
        self.last = now_micros.max(self.last + 1);
        EventId(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_clock_and_grow_while_it_stands_or_goes_back() {
        let mut ids = IdSource::new();
        let given: Vec<u64> = [50, 50, 40, 51, 60]
            .into_iter()
            .map(|now| ids.next_at(now).get())
            .collect();
        assert_eq!(given, [50, 51, 52, 53, 60]);
    }

    #[test]
    fn ids_begin_at_the_present_microsecond() {
        let now = || {
            u64::try_from(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_micros(),
            )
            .unwrap()
        };
        let before = now();
        let id = IdSource::new().next().get();
        assert!((before..=now()).contains(&id));
    }

    #[test]
    fn an_id_is_shown_as_a_decimal_number() {
        assert_eq!(
            EventId::new(1_846_290_011_021_312).to_string(),
            "1846290011021312"
        );
    }
}
