//! The numbers by which the parts of a shard know a subscriber.

/// A subscriber's number in its shard. Numbers are used again after it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SubscriberKey(pub(super) u32);

impl SubscriberKey {
    pub(super) fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("fewer subscribers than descriptors"))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A cohort's number: that of its tenant in the shard, and its own there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CohortKey {
    pub(super) tenant: u32,
    pub(super) cohort: u32,
}

/// Where a subscriber is: its cohort, and its index among the members.
#[derive(Clone, Copy, Debug)]
pub(super) struct CohortPosition {
    pub(super) cohort: CohortKey,
    pub(super) member: u32,
}
