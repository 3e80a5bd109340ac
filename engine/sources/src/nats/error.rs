//! What can go wrong on the way to NATS, in words and with what to look at.

use std::io;
use std::time::Duration;

use async_nats::{ConnectError, ConnectErrorKind};

use crate::feed::FeedError;
use crate::source::Attempt;
use crate::tls::{self, Fault};
use floodway_core::printable::printable;

/// Characters of the server's own explanation.
const TEXT_CHARS: usize = 300;

/// Why there is no link (any more), or something could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NatsError {
    #[error("its name can't be resolved: {0}; check nats.url")]
    Name(String),
    #[error("it can't be reached: {0}; check nats.url, and whether the server is running")]
    Unreachable(io::Error),
    #[error(
        "no answer to the login within {0:?} (nats.connect_timeout_seconds); check nats.url: what listens there may not speak \
         NATS"
    )]
    NoAnswer(Duration),
    #[error("what answers there does not speak NATS ({0}); check nats.url")]
    Foreign(String),
    #[error(
        "it refused the login (authorization violation); check nats.username and nats.password, or nats.token, and the \
         server's rules for them"
    )]
    Login,
    #[error("no authority that is trusted has signed its certificate; name the file of its authority in nats.tls.ca")]
    UnknownIssuer,
    #[error("its certificate can't be trusted: {0}; check nats.url, and the server's certificate")]
    Certificate(String),
    #[error("it wants a certificate of its client; name its files in nats.tls.cert and nats.tls.key")]
    CertificateWanted,
    #[error("it does not speak TLS, which tls:// in nats.url demands")]
    NoTls,
    #[error("TLS failed: {0}; check nats.tls.ca, and the server's own log")]
    Tls(String),
    #[error(transparent)]
    Files(tls::Error),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("no answer of JetStream to {call} within {within:?} (nats.request_timeout_seconds)")]
    Timeout { call: String, within: Duration },
    #[error(
        "the user may not do what is needed: {0}; grant it in the server's permissions (docs/nats.md has all of them)"
    )]
    Denied(String),
    #[error(
        "nobody answers {0}: JetStream is not enabled on the server or for this account, or has no leader just now"
    )]
    NoJetStream(String),
    #[error("JetStream refused {call}: {text} ({code})")]
    Refused { call: String, code: u64, text: String },
    #[error("it sent what can't be understood: {0}")]
    Malformed(String),
    #[error(
        "nats.capture = \"mqtt\" needs NATS 2.14 or newer, and this server is {0}; update it, or set nats.capture = \"subjects\""
    )]
    Old(String),
    #[error("stream {stream} can't be used: {why}; change it, or set nats.stream")]
    Unfit { stream: String, why: String },
    #[error("stream {0} is gone")]
    Gone(String),
    #[error("stream {0} was made anew")]
    MadeAnew(String),
    #[error("stream {stream} no longer holds what comes after {last}: it holds {first} to {newest}")]
    Truncated {
        stream: String,
        last: u64,
        first: u64,
        newest: u64,
    },
    #[error("no replica of stream {0} answers direct reads: it needs allow_direct, or all of them are away")]
    NoDirect(String),
    #[error("the replicas of stream {0} did not catch up with their leader in time (nats.request_timeout_seconds)")]
    Lagging(String),
}

impl NatsError {
    /// Why a connection could not be made.
    pub(super) fn of_connect(error: &ConnectError, within: Duration) -> Self {
        match error.kind() {
            ConnectErrorKind::Dns => Self::Name(reason(error)),
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => Self::Login,
            ConnectErrorKind::TimedOut => Self::NoAnswer(within),
            ConnectErrorKind::Tls => Self::Tls(reason(error)),
            _ => match source::<io::Error>(error) {
                Some(io) => Self::of_io(io),
                None => Self::Foreign(reason(error)),
            },
        }
    }

    fn of_io(error: &io::Error) -> Self {
        if let Some(fault) = Fault::of(error) {
            return Self::of_tls(fault);
        }
        match error.kind() {
            _ if tls::is_of_handshake(error) => Self::Tls(text(&error.to_string())),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Self::Foreign(text(&error.to_string())),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Broken(error.to_string())
            }
            kind => Self::Unreachable(io::Error::new(kind, error.to_string())),
        }
    }

    fn of_tls(fault: Fault) -> Self {
        match fault {
            Fault::UnknownIssuer => Self::UnknownIssuer,
            Fault::Authority => Self::Certificate("it is an authority's, and not in nats.tls.ca".to_owned()),
            Fault::OtherName(why) | Fault::Expired(why) | Fault::NotYetValid(why) | Fault::Certificate(why) => {
                Self::Certificate(text(&why))
            }
            Fault::NoTls => Self::NoTls,
            Fault::CertificateWanted => Self::CertificateWanted,
            Fault::CertificateRefused(why) => Self::Tls(format!("it does not accept nats.tls.cert ({why})")),
            Fault::NoProtocol => Self::Tls("no protocol in common".to_owned()),
        }
    }

    /// Whether waiting can't help: the link must be made anew, or the configuration changed.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Gone(_) | Self::MadeAnew(_) | Self::Unfit { .. } | Self::Denied(_) | Self::Login)
    }

    fn result(&self) -> Attempt {
        match self {
            Self::Name(_) | Self::Unreachable(_) => Attempt::Unreachable,
            Self::NoAnswer(_) | Self::Timeout { .. } | Self::Lagging(_) => Attempt::Timeout,
            Self::Foreign(_) | Self::Malformed(_) => Attempt::Malformed,
            Self::Broken(_) | Self::Gone(_) | Self::MadeAnew(_) | Self::Truncated { .. } => Attempt::Broken,
            _ => Attempt::Refused,
        }
    }
}

impl From<NatsError> for FeedError {
    fn from(error: NatsError) -> Self {
        Self { result: error.result(), text: error.to_string() }
    }
}

/// What the server says, fit for a log.
pub(super) fn text(text: &str) -> String {
    printable(text.replace('"', "'").as_bytes(), TEXT_CHARS)
}

/// The innermost reason of an error of the library.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    text(&innermost.to_string())
}

fn source<'a, E: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a E> {
    let mut at = error.source();
    while let Some(inner) = at {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        at = inner.source();
    }
    None
}
