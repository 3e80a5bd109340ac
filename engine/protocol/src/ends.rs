//! Why a stream is refused or ended: one table of close codes, HTTP statuses, labels and texts.
//!
//! `docs/protocol.md` shows the table to users; a test compares the two.

use crate::ws::reader::Violation;

/// Why a client gets no stream, or its stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No token.
    NoToken,
    /// A token that does not verify: at the beginning, or to refresh a stream.
    BadToken,
    /// A token that names no tenant, or not the one that is asked for.
    NoTenant,
    /// A token with none of the roles.
    Role,
    /// A query that can't be served.
    Query,
    /// The tenant has as many streams as it may.
    TenantLimit,
    /// The gateway has as many streams as it can hold.
    GatewayLimit,
    /// No source is connected, or it has not confirmed the tenant.
    NoBroker,
    /// The gateway drains.
    Draining,
    /// The keys that tokens are checked with are not there yet.
    NoKeys,
    /// The page that asks comes from elsewhere (RFC 6454).
    Origin,
    /// No WebSocket handshake.
    Handshake,
    /// A request that can't be read.
    Malformed,
    /// A request whose head is larger than the settings allow.
    HeadTooLarge,
    /// The source refuses the tenant.
    BrokerRefused,
    /// The client is gone: end of input, a reset, or no answer for too long.
    Gone,
    /// The client closes.
    Closed,
    /// The stream's token has expired.
    Expired,
    /// A token for another tenant, or one that may not stream, is given to refresh the stream.
    Forbidden,
    /// The client lags too far for its policy, or asks without reading the answers.
    SlowConsumer,
    /// The client breaks the protocol.
    Violation,
    /// An administrator ends the stream.
    Administrator,
}

/// What a client, a log and a metric say of a [`Reason`].
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

impl Reason {
    /// All of them.
    pub const ALL: [Self; 22] = {
        use Reason::*;
        [
            NoToken,
            BadToken,
            NoTenant,
            Role,
            Query,
            TenantLimit,
            GatewayLimit,
            NoBroker,
            Draining,
            NoKeys,
            Origin,
            Handshake,
            Malformed,
            HeadTooLarge,
            BrokerRefused,
            Gone,
            Closed,
            Expired,
            Forbidden,
            SlowConsumer,
            Violation,
            Administrator,
        ]
    };

    /// Those for which a client is refused, in the order in which they are counted.
    pub const REFUSED: [Self; 15] = *Self::ALL.first_chunk().expect("fewer than all");

    /// Those for which a live stream ends, in the order in which they are counted.
    pub const ENDED: [Self; 9] = [
        Self::Gone,
        Self::Closed,
        Self::Expired,
        Self::Forbidden,
        Self::BadToken,
        Self::SlowConsumer,
        Self::Draining,
        Self::Violation,
        Self::Administrator,
    ];

    /// The table. A handshake error has a status of its own, and a violation a code of its own.
    pub const fn row(self) -> Row {
        const NONE: u16 = 0;
        match self {
            Self::NoToken => row("no_token", 4001, 401, false, "Missing token parameter"),
            Self::BadToken => row("bad_token", 4001, 401, false, "Invalid or expired token"),
            Self::NoTenant => row("no_tenant", 4003, 403, false, "No tenant_id in token"),
            Self::Role => row("role", 4003, 403, false, "Unauthorized role"),
            Self::Query => row("query", 4000, 400, false, ""),
            Self::TenantLimit => row("tenant_limit", 4029, 429, true, ""),
            Self::GatewayLimit => row("gateway_limit", 1013, 503, true, "Server at capacity"),
            Self::NoBroker => row("no_broker", 1013, 503, true, "Broker unavailable"),
            Self::Draining => row("draining", 1012, 503, true, "Server draining"),
            Self::NoKeys => row("no_keys", 1013, 503, true, "Verification keys unavailable"),
            Self::Origin => row("origin", NONE, 403, false, "Origin not allowed"),
            Self::Handshake => row("handshake", NONE, 426, false, ""),
            Self::Malformed => row("malformed", NONE, 400, false, "Request can't be read"),
            Self::HeadTooLarge => row(
                "head_too_large",
                NONE,
                431,
                false,
                "Request head is too large",
            ),
            Self::BrokerRefused => row(
                "broker_refused",
                4003,
                403,
                false,
                "Not authorized at the broker",
            ),
            Self::Gone => row("gone", NONE, NONE, true, ""),
            Self::Closed => row("closed", 1000, NONE, false, ""),
            Self::Expired => row("expired", 4001, NONE, false, "Invalid or expired token"),
            Self::Forbidden => row("forbidden", 4003, NONE, false, ""),
            Self::SlowConsumer => row("slow_consumer", 4008, NONE, true, "Slow consumer"),
            Self::Violation => row("violation", 1002, NONE, false, ""),
            Self::Administrator => row("administrator", 4010, NONE, false, ""),
        }
    }

    /// Its index in [`Reason::REFUSED`].
    ///
    /// # Panics
    /// If no client is refused for it.
    pub fn refused_index(self) -> usize {
        let mut refused = Self::REFUSED.into_iter();
        refused
            .position(|reason| reason == self)
            .expect("a reason to refuse a client")
    }
}

const fn row(label: &'static str, code: u16, status: u16, retry: bool, text: &'static str) -> Row {
    const fn some(number: u16) -> Option<u16> {
        if number == 0 { None } else { Some(number) }
    }
    Row {
        label,
        code: some(code),
        status: some(status),
        retry,
        text,
    }
}

const fn labels<const N: usize>(reasons: [Reason; N]) -> [&'static str; N] {
    let mut labels = [""; N];
    let mut at = 0;
    while at < N {
        labels[at] = reasons[at].row().label;
        at += 1;
    }
    labels
}

/// The labels of [`Reason::ENDED`].
pub const END_LABELS: [&str; Reason::ENDED.len()] = labels(Reason::ENDED);

/// The labels of [`Reason::REFUSED`].
pub const REFUSAL_LABELS: [&str; Reason::REFUSED.len()] = labels(Reason::REFUSED);

/// The close codes that ended streams are counted by. `none` is a stream whose client is gone, `other` any other code of
/// a client's.
pub const CODE_LABELS: [&str; 13] = [
    "none", "1000", "1001", "1002", "1003", "1007", "1009", "1012", "4001", "4003", "4008", "4010",
    "other",
];

/// Why a live stream ends, with what that one case adds to its [`Reason`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// See [`Reason::Gone`].
    Gone,
    /// See [`Reason::Closed`]; with the client's code if it gave one (RFC 6455, 5.5.1).
    Closed(Option<u16>),
    /// See [`Reason::Expired`].
    Expired,
    /// See [`Reason::Forbidden`]; with the text of the refusal.
    Forbidden(String),
    /// See [`Reason::BadToken`]; with the text of the refusal.
    BadToken(String),
    /// See [`Reason::SlowConsumer`].
    SlowConsumer,
    /// See [`Reason::Administrator`]; with the text that was given.
    Administrator(String),
    /// See [`Reason::Draining`].
    Draining {
        /// What the client waits before it comes back, in milliseconds.
        after_ms: u64,
    },
    /// See [`Reason::Violation`].
    Violation(Violation),
}

impl End {
    /// Its row of the table.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Gone => Reason::Gone,
            Self::Closed(_) => Reason::Closed,
            Self::Expired => Reason::Expired,
            Self::Forbidden(_) => Reason::Forbidden,
            Self::BadToken(_) => Reason::BadToken,
            Self::SlowConsumer => Reason::SlowConsumer,
            Self::Administrator(_) => Reason::Administrator,
            Self::Draining { .. } => Reason::Draining,
            Self::Violation(_) => Reason::Violation,
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
        self.reason().row().label
    }

    /// Its index in [`END_LABELS`].
    pub fn index(&self) -> usize {
        let label = self.label();
        let mut labels = END_LABELS.iter();
        let index = labels.position(|one| *one == label);
        index.expect("each end has a label")
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
