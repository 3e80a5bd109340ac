//! Whether to send a request again for which the store may end the connection.
//!
//! Most brokers answer a subscription or a publish that they forbid. Some end the connection for it, and mosquitto 2.0
//! answers the publish and then ends it where its `max_queued_messages` is 0: telemetry ends with it. So after [`CUTS`]
//! connections in a row that ended with a request, the next one goes without. The one after that, which comes when the
//! broker or the network has had its own reasons, tries again.

/// What a follower sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Subscribe,
    Mark,
    Reserve,
    /// The order of this number.
    Write(u64),
    Status,
}

/// Connections in a row that may end so.
const CUTS: u32 = 2;

/// For one kind of request.
#[derive(Debug, Default)]
pub(super) struct PublishProbe {
    cuts: u32,
    is_tried: bool,
}

impl PublishProbe {
    pub(super) fn may_try(&self) -> bool {
        self.cuts < CUTS
    }

    /// It was sent.
    pub(super) fn tries(&mut self) {
        self.is_tried = true;
    }

    /// The connection has survived it.
    pub(super) fn survived(&mut self) {
        if std::mem::take(&mut self.is_tried) {
            self.cuts = 0;
        }
    }

    pub(super) fn link_lost(&mut self) {
        if std::mem::take(&mut self.is_tried) {
            self.cuts += 1;
        } else {
            self.cuts = self.cuts.min(CUTS - 1);
        }
    }
}

/// The probes of the requests by which documents are read, and of our own status.
#[derive(Debug, Default)]
pub(super) struct PublishProbes {
    /// The subscription.
    pub(super) follow: PublishProbe,
    pub(super) mark: PublishProbe,
    pub(super) status: PublishProbe,
}

impl PublishProbes {
    /// Whether documents may be read.
    pub(super) fn may_try(&self) -> bool {
        self.follow.may_try() && self.mark.may_try()
    }

    /// The connection has survived the reading.
    pub(super) fn survived(&mut self) {
        self.follow.survived();
        self.mark.survived();
    }

    pub(super) fn link_lost(&mut self) {
        self.follow.link_lost();
        self.mark.link_lost();
        self.status.link_lost();
    }
}
