//! How the link to a broker stands, and how it came to that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

/// Whether a stream could begin, as far as the broker goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// No broker is connected.
    #[default]
    Away,
    /// One is connected, and the control documents that it keeps are being read.
    Reading,
    /// Tenants are subscribed.
    Open,
    /// The one subscription of the mode `all` has not been answered in time.
    Unanswered,
    /// The broker refuses that one subscription, for this reason.
    Refused(Arc<str>),
}

impl LinkState {
    /// Whether a broker is connected, and what it keeps was read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Away | Self::Reading)
    }
}

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The broker has let us in.
    Connected,
    /// It refused us, or does not speak MQTT 5.
    Refused,
    /// It did not answer in time.
    Timeout,
    /// There is no way to it.
    Unreachable,
    /// The connection broke off.
    Broken,
    /// What answered is not MQTT.
    Malformed,
}

impl Attempt {
    /// All results, in the order in which they are counted.
    pub const ALL: [Self; 6] = [
        Self::Connected,
        Self::Refused,
        Self::Timeout,
        Self::Unreachable,
        Self::Broken,
        Self::Malformed,
    ];

    /// The result as a label of metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Malformed => "malformed",
        }
    }
}

/// How the link stands and came to it, for people. Brokers are named without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// The broker that is connected, if one is.
    pub broker: Option<String>,
    /// Since when it is, or since when none was connected whose documents were read.
    pub since: SystemTime,
    /// Attempts since then that did not get as far; none while a broker is connected.
    pub failed_attempts: u64,
    /// Why the link was last lost, or did not come about.
    pub last_failure: Option<LinkFailure>,
    /// All attempts, by result; every result is there.
    pub attempts: BTreeMap<&'static str, u64>,
}

/// Why a link was lost, or did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFailure {
    /// The broker.
    pub broker: String,
    /// What was amiss, in words.
    pub error: String,
    /// When.
    pub at: SystemTime,
}
