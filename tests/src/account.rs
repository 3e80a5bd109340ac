//! The account of one stream of numbered events: what it received and what its gaps count must be what was published.
//!
//! Event number `n` is published as `{"metrics":{"n":n}}`, in order. What a stream shows leaves it open where exactly a
//! filter changed, or how far a gap of unknown number reaches; so the account holds every place where the stream may be.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::stream::grows;

/// Where a stream is, by what it has shown.
pub struct Account {
    /// Whether it wants an event, by its number.
    wants: Box<dyn Fn(u64) -> bool + Send>,
    /// The number that it may go on with: what it wanted of those before was received, or is counted in a gap.
    next: BTreeSet<u64>,
    /// A gap of unknown number stands behind those.
    is_unknown: bool,
    last_id: String,
    received: u64,
    gaps: Vec<Value>,
}

impl Account {
    /// Of a stream that is to get what `wants` is true for, from this number on.
    pub fn new(first: u64, wants: impl Fn(u64) -> bool + Send + 'static) -> Self {
        Self {
            wants: Box::new(wants),
            next: [first].into(),
            is_unknown: false,
            last_id: String::new(),
            received: 0,
            gaps: Vec::new(),
        }
    }

    /// Of a stream that is to get everything.
    pub fn of_all() -> Self {
        Self::new(0, |_| true)
    }

    /// Notes a message. Fails if an event came twice, or one is missing where no gap accounts for it.
    pub fn note(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("telemetry") => self.note_event(message),
            Some("gap") => self.note_gap(message),
            _ => {}
        }
    }

    /// Notes that it wants something else from here on.
    pub fn change(&mut self, published: u64, wants: impl Fn(u64) -> bool + Send + 'static) {
        // It may have passed over what it did not want.
        let places = self.next.iter().flat_map(|at| (*at..=published).take_while(|to| self.has_none(*at, *to)));
        self.next = places.collect();
        self.wants = Box::new(wants);
    }

    /// Whether everything that was published is accounted for, the numbers below `published`.
    pub fn is_complete(&self, published: u64) -> bool {
        !self.is_unknown && self.next.iter().any(|at| self.has_none(*at, published))
    }

    /// The gaps so far.
    pub fn gaps(&self) -> &[Value] {
        &self.gaps
    }

    /// Events received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What the gaps count so far, as far as they know.
    pub fn dropped(&self) -> u64 {
        self.gaps.iter().filter_map(|gap| gap["dropped"].as_u64()).sum()
    }

    /// The id of the last event; empty if there was none.
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    fn note_event(&mut self, event: &Value) {
        let n = event["metrics"]["n"].as_u64().unwrap_or_else(|| panic!("no number: {event}"));
        assert!((self.wants)(n), "nobody asked for it: {event}");
        let mut places = self.next.iter();
        let fits = if self.is_unknown {
            places.any(|at| *at <= n)
        } else {
            places.any(|at| self.has_none(*at, n))
        };
        assert!(fits, "{n} does not come next: {self:?}");
        if let Some(id) = event["id"].as_str() {
            assert!(grows(&self.last_id, id), "{id} after {}: {event}", self.last_id);
            id.clone_into(&mut self.last_id);
        }
        (self.next, self.is_unknown) = ([n + 1].into(), false);
        self.received += 1;
    }

    fn note_gap(&mut self, gap: &Value) {
        match gap["dropped"].as_u64() {
            None => self.is_unknown = true,
            Some(dropped) => self.next = self.next.iter().map(|at| self.skip(*at, dropped)).collect(),
        }
        self.gaps.push(gap.clone());
    }

    /// Whether it wants none of the numbers from `at` up to, but not including, `to`; false if `to` is before.
    fn has_none(&self, at: u64, to: u64) -> bool {
        at <= to && !(at..to).any(&self.wants)
    }

    /// The number behind `count` that it wants.
    fn skip(&self, at: u64, count: u64) -> u64 {
        let mut left = count;
        let mut numbers = at..at + 1_000_000;
        while left > 0 {
            let n = numbers.next().expect("so many were never published");
            left -= u64::from((self.wants)(n));
        }
        numbers.start
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wants: _, next, is_unknown, last_id, received, gaps } = self;
        let mut account = f.debug_struct("Account");
        let account = account.field("next", next).field("is_unknown", is_unknown).field("received", received);
        account.field("last_id", last_id).field("gaps", gaps).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(messages: &[Value]) -> Account {
        let mut account = Account::of_all();
        messages.iter().for_each(|message| account.note(message));
        account
    }

    fn event(n: u64) -> Value {
        json!({"type": "telemetry", "metrics": {"n": n}, "id": (n + 1).to_string()})
    }

    fn gap(dropped: Option<u64>) -> Value {
        json!({"type": "gap", "reason": "overflow", "dropped": dropped})
    }

    #[test]
    fn gaps_account_for_what_is_missing_in_their_place() {
        let account = account(&[event(0), gap(Some(2)), gap(Some(1)), event(4), gap(None), event(9), gap(Some(1))]);
        assert!(account.is_complete(11));
        assert!(!account.is_complete(12));
        assert!(!account.is_complete(10));
    }

    #[test]
    #[should_panic = "does not come next"]
    fn a_hole_is_found() {
        account(&[event(0), event(2)]);
    }

    #[test]
    #[should_panic = "does not come next"]
    fn an_inexact_gap_is_found() {
        account(&[event(0), gap(Some(2)), event(4)]);
    }

    #[test]
    #[should_panic = "does not come next"]
    fn a_gap_that_is_not_in_its_place_is_found() {
        account(&[event(0), event(2), gap(Some(1))]);
    }

    #[test]
    #[should_panic = "does not come next"]
    fn a_repetition_is_found_behind_a_gap_of_unknown_number() {
        account(&[event(0), event(1), gap(None), event(1)]);
    }

    #[test]
    fn a_change_may_take_effect_at_any_place_that_shows_no_difference() {
        for first in [1, 3, 5] {
            let mut account = Account::new(0, |n| n % 2 == 0);
            [0, 2, 4].iter().for_each(|&n| account.note(&event(n)));
            account.change(6, move |n| n % 2 == 1);
            if first == 5 {
                account.note(&event(5));
                assert!(account.is_complete(6));
            } else {
                let note = std::panic::AssertUnwindSafe(|| account.note(&event(first)));
                assert!(std::panic::catch_unwind(note).is_err(), "{first} was before the change");
            }
        }
    }
}
