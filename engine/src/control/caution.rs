//! Whether a broker may be asked to take the mark.
//!
//! Most brokers answer a publish that they forbid. Mosquitto 2.0 answers and then ends the connection where its
//! `max_queued_messages` is 0, and telemetry with it. So after [`CUTS`] links in a row that ended with the mark, the next
//! one goes without; the one after that, which comes when the broker or the network has had its own reasons, tries again.

/// Links in a row that may end so.
const CUTS: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Caution {
    cuts: u32,
    is_tried: bool,
}

impl Caution {
    pub(super) fn may_try(&self) -> bool {
        self.cuts < CUTS
    }

    /// Why no mark comes back.
    pub(super) fn silence(&self) -> &'static str {
        if self.may_try() {
            "the mark that was published has not come back"
        } else {
            "the broker ends the connection when something is published there"
        }
    }

    /// The mark was sent.
    pub(super) fn tries(&mut self) {
        self.is_tried = true;
    }

    /// The link has outlived the mark.
    pub(super) fn outlived(&mut self) {
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
