//! How a source is connected, and how it came to that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

/// Whether a stream could begin, as far as the source goes. Ordered by what the source can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// It is not connected.
    #[default]
    Away,
    /// It is connected, and the control documents that it keeps are being read.
    Reading,
    /// It refuses all tenants, which are asked for together, for this reason.
    Refused(Arc<str>),
    /// It has not answered in time, though all tenants are asked for together.
    Unanswered,
    /// Tenants are asked for.
    Open,
}

impl SourceState {
    /// Whether the source is connected, and the control documents that it keeps were read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Away | Self::Reading)
    }
}

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The source has let us in.
    Connected,
    /// It refused us, or does not speak a version that we know.
    Refused,
    /// It did not answer in time.
    Timeout,
    /// There is no way to it.
    Unreachable,
    /// The connection broke off.
    Broken,
    /// What answered does not speak the source's protocol.
    Malformed,
}

impl Attempt {
    /// All results, in the order in which they are counted.
    pub const ALL: [Self; 6] =
        [Self::Connected, Self::Refused, Self::Timeout, Self::Unreachable, Self::Broken, Self::Malformed];

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

/// How a source is connected and came to that, for people. Endpoints are named without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// What kind of source it is.
    pub kind: &'static str,
    /// The endpoint that is connected, if one is.
    pub endpoint: Option<String>,
    /// Since when it is connected, or since when none was whose documents were read.
    pub since: SystemTime,
    /// Attempts since then that did not get as far; none while it is connected.
    pub failed_attempts: u64,
    /// Why the connection was last lost, or not made.
    pub last_failure: Option<SourceFailure>,
    /// All attempts, by result; every result is there.
    pub attempts: BTreeMap<&'static str, u64>,
}

/// Why a connection was lost, or not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// The endpoint.
    pub endpoint: String,
    /// What went wrong, in words.
    pub error: String,
    /// When.
    pub at: SystemTime,
}
