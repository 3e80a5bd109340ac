//! What a subscriber of the model is owed, and what it was sent.

use std::rc::Rc;
use std::time::Duration;

use crate::index::ConnectionId;
use crate::shard::filter::Filter;
use crate::shard::keys::SubscriberKey;
use crate::shard::test_kit::Peer;
use floodway_protocol::names::DeviceId;

/// Stands for no device, but for a gap of the source's.
pub(super) const GAP: usize = usize::MAX;

/// Likewise, for a source that refuses the tenant.
pub(super) const REFUSED: usize = usize::MAX - 1;

pub(super) const DEVICES: [&str; 3] = ["A", "B", "C"];

/// A subscriber and what the model says that it is owed.
pub(super) struct Owed {
    pub(super) key: SubscriberKey,
    pub(super) peer: Rc<Peer>,
    pub(super) filter: Filter,
    pub(super) id: ConnectionId,
    /// What it had been sent when that was looked at last, in bytes, and for how long that had been all.
    pub(super) sent: usize,
    pub(super) silence: Duration,
    pub(super) messages: Vec<String>,
    /// The last event of each device among them.
    pub(super) newest: [Option<u64>; DEVICES.len()],
    /// Events among them.
    pub(super) matched: u64,
    /// Events, and gaps of the source's, that are not summed up yet.
    pub(super) matched_now: u64,
    pub(super) gaps_now: u64,
    /// What is behind this position is owed when it is matched.
    pub(super) joined_at: u64,
}

impl Owed {
    pub(super) fn owe(&mut self, stored: Stored) {
        if stored.is_for(&self.filter) {
            let is_event = u64::from(stored.is_event());
            self.matched += is_event;
            self.matched_now += is_event;
            self.gaps_now += u64::from(stored.device == GAP);
            self.messages.push(stored.message());
            if let Some(newest) = self.newest.get_mut(stored.device) {
                *newest = Some(stored.id);
            }
        }
    }

    /// Whether it has been sent something since the last call.
    pub(super) fn hear(&mut self) -> bool {
        let before = std::mem::replace(&mut self.sent, self.peer.bytes());
        if self.sent != before {
            self.silence = Duration::ZERO;
        }
        self.sent != before
    }
}

/// An event or a notice.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub(super) id: u64,
    pub(super) device: usize,
}

impl Stored {
    pub(super) fn is_for(self, filter: &Filter) -> bool {
        let device = || DeviceId::parse(DEVICES[self.device]).unwrap();
        self.device >= REFUSED || filter.wants_all_devices() || filter.devices().contains(&device())
    }

    pub(super) fn is_event(self) -> bool {
        self.device < REFUSED
    }

    pub(super) fn message(self) -> String {
        match self.device {
            GAP => "upstream".to_owned(),
            REFUSED => "refused".to_owned(),
            _ => self.id.to_string(),
        }
    }
}

/// Whether it is of what every stream begins with.
fn is_opening(message: &str) -> bool {
    message.starts_with("retry:") || message.contains("\nevent: connected\n")
}

/// What a peer was sent, but for heartbeats: numbers of events, answers, gaps.
pub(super) fn received(peer: &Peer) -> Vec<String> {
    let text = peer.text();
    let field = |message: &str, name: &str| {
        message
            .split_once(name)
            .map(|(_, rest)| rest.split([',', '}']).next().unwrap().to_owned())
    };
    text.split_terminator("\n\n")
        .filter(|message| !message.starts_with(": keepalive") && !is_opening(message))
        .map(|message| {
            if message.starts_with("event: upstream\n") {
                return "refused".to_owned();
            }
            if message.contains(r#""reason":"replay""#) {
                return "replay".to_owned();
            }
            if message.contains("upstream") {
                return "upstream".to_owned();
            }
            if message.contains(r#""snapshot":true}"#) && !is_opening(message) {
                return format!("last {}", field(message, "\"n\":").unwrap());
            }
            let gap = field(message, "\"dropped\":").map(|dropped| format!("gap {dropped}"));
            field(message, "\"n\":").or(gap).unwrap_or_else(|| message.to_owned())
        })
        .collect()
}
