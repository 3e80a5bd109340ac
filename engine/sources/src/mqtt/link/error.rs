//! Why a link could not be made, or ended, in words and with what to look at.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::v5::mqttbytes::Error as CodecError;
use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode;

use super::transport::TransportFault;
use super::version::Version;
use crate::mqtt::config::Config;
use crate::source::Attempt;
use floodway_core::printable::printable;

/// Characters of a broker's own explanation.
const TEXT_CHARS: usize = 200;

/// Why there is no link (any more).
#[derive(Debug, thiserror::Error)]
pub(in crate::mqtt) enum LinkError {
    #[error("its name can't be resolved: {0}; check mqtt.url")]
    Name(io::Error),
    #[error("{0} can't be reached: {1}; check mqtt.url, and whether the broker is running")]
    Unreachable(SocketAddr, io::Error),
    #[error(transparent)]
    Transport(#[from] TransportFault),
    #[error("no {awaited} within {within:?} (mqtt.connect_timeout_seconds)")]
    Timeout { awaited: &'static str, within: Duration },
    #[error(
        "it closed the connection without an answer to CONNECT; it may not speak the version of MQTT (mqtt.protocol), speak TLS \
         there (mqtts://), or \
         refuse us: its own log may tell"
    )]
    NoAnswer,
    #[error("it does not speak {0}, which mqtt.protocol demands; auto takes MQTT 5 and 3.1.1")]
    Version(Version),
    #[error("it speaks neither MQTT 5 nor MQTT 3.1.1")]
    NoVersion,
    #[error("what answers there {}; check mqtt.url", foreign(*.0))]
    Foreign(u8),
    #[error("it refused the connection: {0}")]
    Refused(Reason),
    #[error("it ended the connection: {0}")]
    Disconnected(Reason),
    #[error("it closed the connection without a word")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("it sent nothing for {0:?} after a ping (mqtt.keep_alive_seconds)")]
    Silent(Duration),
    #[error("it sent a packet that is malformed: {0}")]
    Malformed(CodecError),
    #[error("it broke the protocol: {0}")]
    Protocol(&'static str, DisconnectReasonCode),
}

impl LinkError {
    /// The stream has failed, for a reason of MQTT's carrier or one that lies deeper.
    pub(super) fn broken(error: io::Error) -> Self {
        error.downcast().map_or_else(Self::Broken, Self::Transport)
    }

    /// What was `awaited` did not come within the time of the setting.
    pub(super) fn timed_out(config: &Config, awaited: &'static str) -> Self {
        Self::Timeout { awaited, within: config.connect_timeout }
    }

    /// Whether the broker may have refused us for our last will.
    pub(in crate::mqtt) fn may_be_for_the_will(&self) -> bool {
        match self {
            Self::NoAnswer | Self::Transport(TransportFault::Closed(..)) => true,
            Self::Refused(reason) | Self::Disconnected(reason) => {
                matches!(reason.code, 0x83 | 0x87 | 0x90 | 0x95 | 0x9a | 0x9b)
            }
            _ => false,
        }
    }

    pub(in crate::mqtt) fn result(&self) -> Attempt {
        match self {
            Self::Name(_) | Self::Unreachable(..) => Attempt::Unreachable,
            Self::Transport(fault) => fault.result(),
            Self::Timeout { .. } | Self::Silent(_) => Attempt::Timeout,
            Self::Version(_) | Self::NoVersion | Self::Refused(_) | Self::Disconnected(_) => Attempt::Refused,
            Self::NoAnswer | Self::Closed | Self::Broken(_) => Attempt::Broken,
            Self::Foreign(_) | Self::Malformed(_) | Self::Protocol(..) => Attempt::Malformed,
        }
    }

    /// Whether the broker may have ended the connection for something that we asked for; else it had reasons of its own.
    pub(in crate::mqtt) fn may_be_for_a_request(&self) -> bool {
        match self {
            Self::Closed | Self::Broken(_) | Self::Transport(TransportFault::Closed(..)) => true,
            // A keep alive that was missed, a shutdown, another client of our name, an administrator, another server.
            Self::Disconnected(reason) => !matches!(reason.code, 0x8b | 0x8d | 0x8e | 0x98 | 0x9c | 0x9d | 0xa0),
            _ => false,
        }
    }

    /// Whether another client of our id has taken the session, and what the broker kept in it.
    pub(in crate::mqtt) fn is_takeover(&self) -> bool {
        matches!(self, Self::Disconnected(reason) if reason.code == 0x8e)
    }

    /// The reason to send to the broker, if it is at fault.
    pub(super) fn reason(&self) -> Option<DisconnectReasonCode> {
        match self {
            Self::Malformed(_) => Some(DisconnectReasonCode::MalformedPacket),
            Self::Protocol(_, reason) => Some(*reason),
            _ => None,
        }
    }
}

/// What begins with this byte, which no answer to CONNECT begins with.
fn foreign(first: u8) -> String {
    match first {
        // An alert (RFC 8446, 5.1).
        21 => "speaks TLS, as with mqtts://".to_owned(),
        b'H' => "speaks HTTP, and MQTT at most by ws://: it is no MQTT broker (its first byte is 0x48)".to_owned(),
        other => format!("is no MQTT broker (its first byte is {other:#04x})"),
    }
}

const LOGIN: &str = "check mqtt.username and mqtt.password, and the broker's rules for them";
const CLIENT_ID: &str = "check mqtt.client_id";
const AGAIN: &str = "it is tried again";

const UNKNOWN: (u8, &str, &str) = (0xff, "a reason that MQTT does not know", "");

/// The reason codes (MQTT 5.0, 2.4), in words and with what to look at, if there is anything.
const REASONS: &[(u8, &str, &str)] = &[
    (0x00, "a normal end", ""),
    (0x04, "an end with the last will", ""),
    (0x80, "an unspecified error", ""),
    (0x81, "malformed packet", ""),
    (0x82, "protocol error", ""),
    (0x83, "something that it does not do", ""),
    (0x84, "unsupported protocol version", ""),
    (0x85, "client id not valid", CLIENT_ID),
    (0x86, "bad user name or password", LOGIN),
    (0x87, "not authorized", LOGIN),
    (0x88, "server unavailable", AGAIN),
    (0x89, "server busy", AGAIN),
    (0x8a, "banned", "ask who runs the broker"),
    (0x8b, "server shutting down", AGAIN),
    (0x8c, "bad authentication method", "floodway authenticates by mqtt.username and mqtt.password"),
    (0x8d, "keep alive timeout", ""),
    (0x8e, "session taken over by another client of the same id", CLIENT_ID),
    (0x8f, "topic filter not accepted", ""),
    (0x90, "topic name not accepted", ""),
    (0x91, "packet id in use", ""),
    (0x93, "receive maximum exceeded", ""),
    (0x94, "topic alias not valid", ""),
    (0x95, "packet too large", ""),
    (0x96, "message rate too high", ""),
    (0x97, "quota exceeded", AGAIN),
    (0x98, "administrative action", ""),
    (0x99, "payload format not valid", ""),
    (0x9a, "retained messages not supported", ""),
    (0x9b, "quality of service not supported", ""),
    (0x9c, "use another server", "check mqtt.url"),
    (0x9d, "server moved", "check mqtt.url"),
    (0x9e, "shared subscriptions not supported", ""),
    (0x9f, "connection rate exceeded", AGAIN),
    (0xa0, "maximum connect time", ""),
    (0xa1, "subscription identifiers not supported", ""),
    (0xa2, "wildcard subscriptions not supported", ""),
];

/// A reason code, and the broker's own explanation.
#[derive(Debug)]
pub(in crate::mqtt) struct Reason {
    /// As MQTT 5 has it.
    code: u8,
    /// As the broker gave it.
    given: u8,
    text: Option<String>,
}

impl Reason {
    pub(super) fn new(code: u8, text: Option<String>) -> Self {
        Self { code, given: code, text }
    }

    /// One of a CONNACK of MQTT 3.1.1 (3.2.2.3), which a broker gave that may or may not know MQTT 5.
    pub(super) fn of_old(given: u8) -> Self {
        let code = match given {
            2 => 0x85,
            3 => 0x88,
            4 => 0x86,
            5 => 0x87,
            other => other,
        };
        Self { code, given, text: None }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = REASONS.iter().find(|(code, ..)| *code == self.code);
        let (_, words, hint) = row.unwrap_or(&UNKNOWN);
        write!(f, "{words} ({:#04x})", self.given)?;
        if let Some(text) = &self.text {
            write!(f, ", \"{}\"", printable(text.as_bytes(), TEXT_CHARS))?;
        }
        if hint.is_empty() { Ok(()) } else { write!(f, "; {hint}") }
    }
}

/// Why a request was not sent. The link goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::mqtt) enum Unsent {
    #[error("its packet would be {bytes} bytes, and the broker takes {limit}")]
    TooLarge { bytes: usize, limit: u32 },
    #[error("too much is on its way to the broker")]
    Full,
}
