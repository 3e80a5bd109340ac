//! The ids of a message's events, where they are numbers of the source.

/// Those of the events of one message.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// The number of the message.
    pub(super) number: u64,
    /// Samples up to the last one that is an event.
    pub(super) events: usize,
}

impl Numbers {
    /// Only the last event has the message's number, so that a stream that was cut between two gets the message again.
    pub(super) fn of(self, sample: usize) -> u64 {
        if sample + 1 == self.events { self.number } else { self.number - 1 }
    }
}
