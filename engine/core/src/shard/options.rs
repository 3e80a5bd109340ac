//! What one stream's client chose for it, beside its filter.

use crate::index::{Limits, Overflow};
use floodway_protocol::EventId;
use floodway_protocol::messages::max_rate::MaxRate;
use floodway_protocol::messages::notice::ShownOptions;

/// Where a stream begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// With the events from now on.
    #[default]
    FromNow,
    /// After this event, if the tenant's history still knows it.
    After(EventId),
    /// After an event whose id is none of ours.
    AfterUnknown,
}

/// What a client chose for its stream. `None`: it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What happens when it lags past its queue, instead of the tenant's policy.
    pub overflow: Option<Overflow>,
    /// Events a second of each device at most; of those that are held back, the newest wins.
    pub max_rate: Option<MaxRate>,
    /// Whether it begins with the last event of each device.
    pub snapshot: Option<bool>,
}

impl Options {
    /// What really holds under these limits of what the client chose; none if it chose nothing.
    pub fn shown(self, limits: &Limits) -> Option<ShownOptions> {
        let Self { overflow, max_rate, snapshot } = self;
        let (is_given, holds) = (self != Self::default(), self.policy(limits));
        is_given.then(|| {
            let is_changed = overflow.is_some() || holds != limits.overflow;
            ShownOptions { overflow: is_changed.then(|| holds.name()), max_rate, snapshot }
        })
    }

    /// The overflow policy that holds for the stream. History knows no pace, so that a paced stream can't read on from there:
    /// it has the tenant's policy, or drops the newest if that is `catch_up` too.
    pub(super) fn policy(self, limits: &Limits) -> Overflow {
        let chosen = self.overflow.unwrap_or(limits.overflow);
        match (chosen, limits.overflow) {
            (Overflow::CatchUp, Overflow::CatchUp) if self.max_rate.is_some() => Overflow::DropNewest,
            (Overflow::CatchUp, of_tenant) if self.max_rate.is_some() => of_tenant,
            (chosen, _) => chosen,
        }
    }
}
