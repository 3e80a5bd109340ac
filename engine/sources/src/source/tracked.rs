//! One tenant as a source follows it.
//!
//! Invariant: live streams learn of everything that they may have missed from this source, each time once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use floodway_core::index::{Answer, Index, SourceNumber, Tenant};

/// The source sends this tenant's events from now on.
#[derive(Debug)]
pub(crate) struct Confirmation {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) source: SourceNumber,
    /// It sent them before, and perhaps not in between: live streams get a gap first.
    pub(crate) owes_gap: bool,
    /// Live streams were sent the notice that it is lost, or that it refuses the tenant, which has come to its end.
    pub(crate) is_return: bool,
}

/// Why live streams get nothing, as they were sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    Lost,
    Refused,
}

/// A tenant of the index, what its live streams have been sent about the source, and what they are owed.
#[derive(Debug)]
pub(crate) struct TrackedTenant {
    tenant: Arc<Tenant>,
    source: SourceNumber,
    /// Events may be missing, and no gap was sent yet.
    owes_gap: bool,
    /// The gap was sent before this connection confirmed the tenant, because events of it came already.
    sent_gap_early: bool,
    /// The notice that was sent of an outage, until its end is sent.
    outage: Option<Outage>,
    /// The source has sent its events before.
    was_served: bool,
    /// Since when nobody has held a permit of it.
    empty_since: Option<Instant>,
}

impl TrackedTenant {
    /// This tenant, as the source of this number follows it.
    pub(crate) fn new(tenant: Arc<Tenant>, source: SourceNumber) -> Self {
        Self {
            tenant,
            source,
            owes_gap: false,
            sent_gap_early: false,
            outage: None,
            was_served: false,
            empty_since: None,
        }
    }

    /// Another tenant of the same name.
    pub(crate) fn successor(&self, tenant: Arc<Tenant>) -> Self {
        Self::new(tenant, self.source)
    }

    pub(crate) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Whether this is `tenant`, and not another one of its name.
    pub(crate) fn is(&self, tenant: &Arc<Tenant>) -> bool {
        Arc::ptr_eq(&self.tenant, tenant)
    }

    /// Whether the source should send its events: somebody holds a permit, or did a moment ago and may come back.
    pub(crate) fn is_wanted(&self) -> bool {
        self.owes_gap || !self.tenant.is_empty()
    }

    /// Whether events may be missing that live streams do not know of.
    pub(crate) fn owes_gap(&self) -> bool {
        self.owes_gap
    }

    /// It is to be asked for anew.
    pub(crate) fn reset(&self) {
        self.tenant.set_answer(self.source, Answer::None);
    }

    /// The connection is lost, on which it was confirmed or not. Returns it if its live streams are to be sent the notice,
    /// which counts as sent then.
    pub(crate) fn connection_lost(&mut self, was_confirmed: bool) -> Option<Arc<Tenant>> {
        self.owes_gap |= was_confirmed || std::mem::take(&mut self.sent_gap_early);
        self.reset();
        if was_confirmed { self.outage_is_news(Outage::Lost) } else { None }
    }

    /// What was published meanwhile comes now: no gap is owed.
    pub(crate) fn nothing_missed(&mut self) {
        (self.owes_gap, self.sent_gap_early) = (false, false);
    }

    /// An event of it comes though it is not confirmed. Returns it if a gap has to precede the event; the gap counts as
    /// sent then.
    pub(crate) fn gap_before_event(&mut self) -> Option<Arc<Tenant>> {
        self.sent_gap_early |= self.owes_gap;
        std::mem::take(&mut self.owes_gap).then(|| Arc::clone(&self.tenant))
    }

    /// The source refuses it. Returns it if its live streams are to be sent the notice, which counts as sent then.
    pub(crate) fn refused(&mut self, reason: &str) -> Option<Arc<Tenant>> {
        self.tenant.set_refused(self.source, reason);
        let news = self.outage_is_news(Outage::Refused);
        // When it is granted again they have missed what came until then.
        self.owes_gap |= news.is_some();
        news
    }

    /// Returns the tenant if it has live streams, which do not know of this outage.
    fn outage_is_news(&mut self, outage: Outage) -> Option<Arc<Tenant>> {
        let is_news = self.tenant.interest() != 0 && self.outage.replace(outage) != Some(outage);
        is_news.then(|| Arc::clone(&self.tenant))
    }

    pub(crate) fn confirmed(&mut self) -> Confirmation {
        self.sent_gap_early = false;
        // Streams that began with the events of other sources alone may have missed those of this one.
        let began_without = !std::mem::replace(&mut self.was_served, true) && self.tenant.interest() != 0;
        Confirmation {
            tenant: Arc::clone(&self.tenant),
            source: self.source,
            owes_gap: std::mem::take(&mut self.owes_gap) || began_without,
            is_return: self.outage.take().is_some(),
        }
    }

    /// Notes whether anybody holds a permit, and returns true if nobody has for `linger`.
    pub(crate) fn has_lingered(&mut self, now: Instant, linger: Duration) -> bool {
        if !self.tenant.is_empty() {
            self.empty_since = None;
            return false;
        }
        now >= *self.empty_since.get_or_insert(now) + linger
    }

    /// Lets it leave the index, unless somebody came in this moment. Another source may have let it leave already.
    pub(crate) fn leave(&self, index: &Index) -> bool {
        let found = || index.find(self.tenant.id().as_str());
        index.retire(&self.tenant) || found().is_none_or(|found| !self.is(&found))
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
