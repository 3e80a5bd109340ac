//! Up to where stamps of events' ids may have been given, kept in the store, so that a gateway that starts with an earlier
//! clock begins above them.
//!
//! Invariants: if somebody else lowers the document, it is written again; no gateway gives a stamp above what the store was
//! seen to hold, unless the store keeps no such document, which the log says once. All gateways of a store share it: what
//! one has reserved covers the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::publish_probe::PublishProbe;
use floodway_core::event::Ids;

/// Microseconds, as stamps count: one minute.
const MINUTE: u64 = 60_000_000;

/// How far ahead of the clock is reserved.
const AHEAD: u64 = 10 * MINUTE;

/// What is left of it when it is renewed: five minutes and more to try again.
const RENEW: u64 = 5 * MINUTE;

/// What is left of it for stamps that grow by one when they no longer follow the clock.
const SPARE: u64 = MINUTE;

/// The largest that is reserved: a client that reads JSON numbers as doubles is exact up to here.
const MOST: u64 = 1 << 53;

/// The largest that is believed, the year 2112 as stamps count, unless we have seen or reserved more ourselves: above what is
/// believed there has to be room for stamps.
const BELIEVED: u64 = 1 << 52;

/// How long to wait for its copy.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause before a store that did not take it is asked again.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Document {
    /// No stamp above this has been given.
    up_to: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is known of what the store holds now.
    #[default]
    Away,
    /// It was read; what it holds now is not enough to begin with.
    Beginning,
    Holding,
    /// The store does not keep it; it is asked again at this time.
    Without(Instant),
}

#[derive(Debug, Default)]
pub(super) struct Reservation {
    ids: Arc<Ids>,
    stage: Stage,
    /// What the store holds.
    held: u64,
    /// The highest that was ever seen.
    highest: u64,
    was_read: bool,
    /// Sent, and not come back yet.
    asked: Option<(u64, Instant)>,
    probe: PublishProbe,
    has_complained: bool,
}

impl Reservation {
    pub(super) fn new(ids: Arc<Ids>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Whether no event is to be given an id yet.
    pub(super) fn is_beginning(&self) -> bool {
        self.stage == Stage::Beginning
    }

    /// The store is connected, or is read anew.
    pub(super) fn begin(&mut self) {
        (self.stage, self.held, self.asked) = (Stage::Away, 0, None);
    }

    pub(super) fn link_lost(&mut self) {
        self.probe.link_lost();
        self.begin();
    }

    /// The store is not reached. Ids that begin above nothing are better than none.
    pub(super) fn unreached(&mut self, reason: &str, now: Instant) {
        if !self.was_read {
            self.without(reason, now);
        }
    }

    /// The document, or its deletion, has come. An error says what is wrong with it.
    pub(super) fn received(&mut self, payload: &[u8]) -> Result<(), String> {
        self.held = if payload.is_empty() {
            0
        } else {
            let reserved = self.asked.map_or(0, |(up_to, _)| up_to);
            parse(payload, BELIEVED.max(self.highest).max(reserved))?
        };
        self.highest = self.highest.max(self.held);
        if self.asked.take_if(|(up_to, _)| *up_to == self.held).is_some() {
            self.probe.survived();
        }
        if self.stage != Stage::Away && !self.is_short() {
            self.stage = Stage::Holding;
        }
        self.allow();
        Ok(())
    }

    /// All that the store holds has come, at the time `clock`.
    pub(super) fn read(&mut self, clock: u64, now: Instant) {
        if !std::mem::replace(&mut self.was_read, true) {
            // Another's ids, or our own before a restart.
            self.ids.begin_after(self.highest.max(clock));
        }
        self.stage = if self.is_short() { Stage::Beginning } else { Stage::Holding };
        self.allow();
        if !self.probe.may_try() {
            self.without("the broker ends the connection when something is published there", now);
        }
    }

    /// What to publish now, if anything.
    pub(super) fn next(&mut self, clock: u64, now: Instant) -> Option<Vec<u8>> {
        let may_ask = match self.stage {
            Stage::Away => false,
            Stage::Beginning | Stage::Holding => true,
            Stage::Without(until) => now >= until,
        };
        let is_due = self.is_short() || self.held < clock.saturating_add(RENEW).min(MOST);
        if !may_ask || !is_due || self.asked.is_some() || !self.probe.may_try() {
            return None;
        }
        let up_to = self.highest.max(clock.saturating_add(AHEAD)).max(self.ids.last() + 2 * SPARE).min(MOST);
        self.asked = Some((up_to, now));
        self.probe.tries();
        Some(serde_json::to_vec(&Document { up_to }).expect("a number is JSON"))
    }

    /// To be called about once a second.
    pub(super) fn sweep(&mut self, now: Instant) {
        let is_overdue = |asked: &mut (u64, Instant)| now >= asked.1 + PATIENCE;
        if matches!(self.stage, Stage::Without(_)) {
            self.probe.survived();
        }
        if self.asked.take_if(is_overdue).is_some() {
            self.without("what was published there has not come back", now);
        }
    }

    /// The store does not keep it.
    pub(super) fn without(&mut self, reason: &str, now: Instant) {
        self.asked = None;
        if !self.was_read {
            // Perhaps it may be read all the same.
            self.ids.begin_after(self.highest);
        }
        self.stage = Stage::Without(now + RETRY);
        self.allow();
        if !std::mem::replace(&mut self.has_complained, true) {
            tracing::warn!(
                reason,
                "ids of events can't be reserved in the control store: after a restart they grow only if the clock was not set back"
            );
        }
    }

    /// Whether what the store holds leaves too little for ids that grow by one, or is less than was seen before.
    fn is_short(&self) -> bool {
        self.held < self.highest || self.held < (self.ids.last() + SPARE).min(MOST)
    }

    fn allow(&self) {
        let follow_to = match self.stage {
            // Nothing is kept there that would have to be above them.
            Stage::Without(_) if self.held == 0 => u64::MAX,
            _ => self.held.saturating_sub(SPARE),
        };
        self.ids.follow_to(follow_to);
    }
}

fn parse(payload: &[u8], most: u64) -> Result<u64, String> {
    let Document { up_to } = serde_json::from_slice(payload).map_err(|error| format!("document: {error}"))?;
    if up_to > most {
        Err(format!("up_to: is larger than {most}"))
    } else {
        Ok(up_to)
    }
}
