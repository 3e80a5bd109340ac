//! What a source owes to a tenant's live streams.

use std::sync::Arc;

use floodway_core::index::Tenant;

/// The source sends this tenant's events from now on.
#[derive(Debug)]
pub(crate) struct Confirmation {
    /// Whose events.
    pub(crate) tenant: Arc<Tenant>,
    /// It sent them before the connection was lost, and not in between: live streams get a gap first.
    pub(crate) after_loss: bool,
    /// Live streams were sent the notice that it refuses the tenant.
    pub(crate) after_refusal: bool,
}

/// What the live streams of one tenant have been sent about the source, and what they are owed.
#[derive(Debug, Default)]
pub(crate) struct TenantNotices {
    /// Events may be missing, and no gap was sent yet.
    owes_gap: bool,
    /// The gap was sent before this connection confirmed the tenant, because events of it came already.
    sent_gap_early: bool,
    /// The refusal was sent, and not yet its end.
    sent_refusal: bool,
}

impl TenantNotices {
    /// Whether events may be missing that live streams do not know of.
    pub(crate) fn owes_gap(&self) -> bool {
        self.owes_gap
    }

    /// The connection is lost, on which the tenant was confirmed or not.
    pub(crate) fn connection_lost(&mut self, was_confirmed: bool) {
        self.owes_gap |= was_confirmed || std::mem::take(&mut self.sent_gap_early);
    }

    /// An event comes though the tenant is not confirmed. Returns whether a gap has to precede it; the gap counts as sent
    /// then.
    pub(crate) fn gap_before_event(&mut self) -> bool {
        self.sent_gap_early |= self.owes_gap;
        std::mem::take(&mut self.owes_gap)
    }

    /// The source refuses `tenant`. Returns whether its live streams are to be sent the notice; it counts as sent then.
    pub(crate) fn refused(&mut self, tenant: &Tenant) -> bool {
        let is_news = tenant.interest() != 0 && !std::mem::replace(&mut self.sent_refusal, true);
        // When it is granted again they have missed what came until then.
        self.owes_gap |= is_news;
        is_news
    }

    /// The source confirms `tenant`.
    pub(crate) fn confirmed(&mut self, tenant: &Arc<Tenant>) -> Confirmation {
        let Self {
            owes_gap,
            sent_refusal,
            ..
        } = std::mem::take(self);
        Confirmation {
            tenant: Arc::clone(tenant),
            after_loss: owes_gap,
            after_refusal: sent_refusal,
        }
    }
}
