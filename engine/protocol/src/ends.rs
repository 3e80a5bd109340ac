//! Why a stream ended. One value gives the close code, the log field and the metric label.

use std::borrow::Cow;

/// Why a live stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer is gone: end of input, a reset, or no answer for too long.
    Gone,
    /// The peer said good-bye, with this code if any (RFC 6455, 5.5.1).
    Closed(Option<u16>),
    /// Its token has expired.
    Expired,
    /// A token for another tenant was given to refresh it, or one that may not stream.
    Forbidden(String),
    /// A token that does not verify was given to refresh it.
    BadToken(String),
    /// It lagged too far for its policy, or asked without reading the answers.
    SlowConsumer,
    /// An administrator ended it, and says why.
    Administrator(String),
    /// The gateway stops; come back after so many milliseconds.
    Draining {
        /// The pause, in milliseconds.
        after_ms: u64,
    },
    /// It broke the protocol (RFC 6455, 7.4.1), or sent too much at once.
    Violation {
        /// The close code.
        code: u16,
        /// What it did.
        reason: &'static str,
    },
}

impl End {
    /// The WebSocket close code and reason (contract with the users; RFC 6455, 7.4). None where there is nobody to
    /// tell.
    pub fn close(&self) -> Option<(u16, Cow<'static, str>)> {
        Some(match self {
            Self::Gone => return None,
            Self::Closed(code) => (code.unwrap_or(1000), Cow::Borrowed("")),
            Self::Expired => (4001, Cow::Borrowed("Invalid or expired token")),
            Self::BadToken(reason) => (4001, Cow::Owned(reason.clone())),
            Self::Forbidden(reason) => (4003, Cow::Owned(reason.clone())),
            Self::SlowConsumer => (4008, Cow::Borrowed("Slow consumer")),
            Self::Administrator(reason) => (4010, Cow::Owned(reason.clone())),
            Self::Draining { .. } => (1012, Cow::Borrowed("Server draining")),
            Self::Violation { code, reason } => (*code, Cow::Borrowed(reason)),
        })
    }

    /// The name in logs and metrics.
    pub fn label(&self) -> &'static str {
        LABELS[self.index()]
    }

    /// Its place in [`LABELS`].
    pub fn index(&self) -> usize {
        match self {
            Self::Gone => 0,
            Self::Closed(_) => 1,
            Self::Expired => 2,
            Self::Forbidden(_) => 3,
            Self::BadToken(_) => 4,
            Self::SlowConsumer => 5,
            Self::Draining { .. } => 6,
            Self::Violation { .. } => 7,
            Self::Administrator(_) => 8,
        }
    }
}

/// All labels, in the order in which they are counted.
pub const LABELS: [&str; 9] = [
    "gone",
    "closed",
    "expired",
    "forbidden",
    "bad_token",
    "slow_consumer",
    "draining",
    "violation",
    "administrator",
];
