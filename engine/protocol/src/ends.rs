//! Why a stream is refused or ended: one table of close codes, HTTP statuses, labels and texts.
//!
//! `docs/protocol.md` shows the table to users; a test compares the two.

use crate::ws::reader::Violation;

/// What a client, a log and a metric say of a [`EndReason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name in logs and metrics.
    pub label: &'static str,
    /// The code that closes a WebSocket (RFC 6455, 7.4). None: the client is gone, or is answered before the upgrade.
    pub code: Option<u16>,
    /// The status of the answer to a plain request. None: it happens to live streams only.
    pub status: Option<u16>,
    /// Whether it may go better later with the same request.
    pub retry: bool,
    /// The reason of the close frame, and the detail of the answer. Empty: each case has its own.
    pub text: &'static str,
}

/// Makes the table: label, close code, status, whether to retry, text.
macro_rules! table {
    ($($(#[$doc:meta])* $reason:ident, $label:literal, $code:expr, $status:expr, $retry:literal, $text:literal;)*) => {
        /// Why a client gets no stream, or its stream ends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EndReason {
            $($(#[$doc])* $reason,)*
        }

        const ROWS: &[Row] = &[
            $(Row { label: $label, code: $code, status: $status, retry: $retry, text: $text },)*
        ];

        impl EndReason {
            /// All of them: first those for which a client is refused, last those for which a live stream ends.
            pub const ALL: [Self; ROWS.len()] = [$(Self::$reason),*];
        }
    };
}

table! {
    /// No token.
    NoToken, "no_token", Some(4001), Some(401), false, "Missing token parameter";
    /// A token that names no tenant, or not the one that is asked for.
    NoTenant, "no_tenant", Some(4003), Some(403), false, "No tenant_id in token";
    /// A token with none of the roles.
    Role, "role", Some(4003), Some(403), false, "Unauthorized role";
    /// A query that can't be served.
    Query, "query", Some(4000), Some(400), false, "";
    /// The tenant has as many streams as it may.
    TenantLimit, "tenant_limit", Some(4029), Some(429), true, "";
    /// The gateway has as many streams as it can hold.
    GatewayLimit, "gateway_limit", Some(1013), Some(503), true, "Server at capacity";
    /// No source is connected, or it has not confirmed the tenant.
    NoBroker, "no_broker", Some(1013), Some(503), true, "Broker unavailable";
    /// The keys that tokens are checked with are not there yet.
    NoKeys, "no_keys", Some(1013), Some(503), true, "Verification keys unavailable";
    /// The source refuses the tenant.
    BrokerRefused, "broker_refused", Some(4003), Some(403), false, "Not authorized at the broker";
    /// The page that asks comes from elsewhere (RFC 6454).
    Origin, "origin", None, Some(403), false, "Origin not allowed";
    /// No WebSocket handshake. The status depends on what it lacks.
    Handshake, "handshake", None, Some(426), false, "";
    /// A request that can't be read.
    Malformed, "malformed", None, Some(400), false, "Request can't be read";
    /// A request whose head is larger than the settings allow.
    HeadTooLarge, "head_too_large", None, Some(431), false, "Request head is too large";
    /// A token that does not verify: at the beginning, or to refresh a stream.
    BadToken, "bad_token", Some(4001), Some(401), false, "Invalid or expired token";
    /// The gateway drains.
    Draining, "draining", Some(1012), Some(503), true, "Server draining";
    /// The stream's token has expired.
    Expired, "expired", Some(4001), None, false, "Invalid or expired token";
    /// A token for another tenant, or one that may not stream, is given to refresh the stream.
    Forbidden, "forbidden", Some(4003), None, false, "";
    /// The client lags too far for its policy, or asks without reading the answers.
    SlowConsumer, "slow_consumer", Some(4008), None, true, "Slow consumer";
    /// An administrator ends the stream.
    Administrator, "administrator", Some(4010), None, false, "";
    /// The client breaks the protocol. The code depends on the violation.
    Violation, "violation", Some(1002), None, false, "";
    /// The client closes, with this code or its own.
    Closed, "closed", Some(1000), None, false, "";
    /// The client is gone: end of input, a reset, or no answer for too long.
    Gone, "gone", None, None, true, "";
}

impl EndReason {
    /// Those for which a client is refused.
    pub const REFUSED: [Self; 15] = *Self::ALL.first_chunk().expect("fewer than all");

    /// Those for which a live stream ends.
    pub const ENDED: [Self; 9] = *Self::ALL.last_chunk().expect("fewer than all");

    /// Its row of the table.
    pub const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The name in logs and metrics.
    pub const fn label(self) -> &'static str {
        self.row().label
    }
}

/// The close codes that ended streams are counted by. `none` is a stream whose client is gone, `other` any other code of
/// a client's.
pub const CODE_LABELS: [&str; 13] = [
    "none", "1000", "1001", "1002", "1003", "1007", "1009", "1012", "4001", "4003", "4008", "4010", "other",
];

/// Why a live stream ends, with what that one case adds to its [`EndReason`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// See [`EndReason::Gone`].
    Gone,
    /// See [`EndReason::Closed`]; with the client's code if it gave one (RFC 6455, 5.5.1).
    Closed(Option<u16>),
    /// See [`EndReason::Expired`].
    Expired,
    /// See [`EndReason::Forbidden`]; with the text of the refusal.
    Forbidden(String),
    /// See [`EndReason::BadToken`]; with the text of the refusal.
    BadToken(String),
    /// See [`EndReason::SlowConsumer`].
    SlowConsumer,
    /// See [`EndReason::Administrator`]; with the text that was given.
    Administrator(String),
    /// See [`EndReason::Draining`].
    Draining {
        /// What the client waits before it comes back, in milliseconds.
        after_ms: u64,
    },
    /// See [`EndReason::Violation`].
    Violation(Violation),
}

impl End {
    /// Its reason.
    pub fn reason(&self) -> EndReason {
        match self {
            Self::Gone => EndReason::Gone,
            Self::Closed(_) => EndReason::Closed,
            Self::Expired => EndReason::Expired,
            Self::Forbidden(_) => EndReason::Forbidden,
            Self::BadToken(_) => EndReason::BadToken,
            Self::SlowConsumer => EndReason::SlowConsumer,
            Self::Administrator(_) => EndReason::Administrator,
            Self::Draining { .. } => EndReason::Draining,
            Self::Violation(_) => EndReason::Violation,
        }
    }

    /// The code that closes a WebSocket. None: the client is gone.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Closed(Some(code)) => Some(*code),
            Self::Violation(violation) => Some(violation.close().0),
            _ => self.reason().row().code,
        }
    }

    /// The reason of the close frame.
    pub fn text(&self) -> &str {
        match self {
            Self::Forbidden(text) | Self::BadToken(text) | Self::Administrator(text) => text,
            Self::Violation(violation) => violation.close().1,
            _ => self.reason().row().text,
        }
    }

    /// The name in logs and metrics.
    pub fn label(&self) -> &'static str {
        self.reason().label()
    }

    /// Its index in [`EndReason::ENDED`].
    pub fn index(&self) -> usize {
        self.reason() as usize - EndReason::ENDED[0] as usize
    }

    /// The index of its code in [`CODE_LABELS`].
    pub fn code_index(&self) -> usize {
        let Some(code) = self.code() else {
            return 0;
        };
        let code = code.to_string();
        let mut labels = CODE_LABELS.iter();
        let other = CODE_LABELS.len() - 1;
        labels.position(|label| *label == code).unwrap_or(other)
    }
}

#[cfg(test)]
mod tests;
