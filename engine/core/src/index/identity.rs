//! What identifies a stream: its number, its transport and its client.
//!
//! Invariant: no number is given twice while the process runs, and the numbers of one shard grow.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

/// Bits of a number that say which shard has the stream: `shard::SHARDS_MAX` is 64.
const SHARD_BITS: u32 = 6;

/// OpenID Connect Core 1.0, section 2: a subject has at most 255 characters.
const SUBJECT_BYTES_MAX: usize = 255;

/// What is kept of a user agent, in bytes.
const USER_AGENT_BYTES_MAX: usize = 200;

/// A stream's number. As text `3-17`: the 17th stream of shard 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The `nth` stream of `shard`, of which there are at most 64.
    pub fn new(shard: usize, nth: u64) -> Self {
        debug_assert!(shard < 1 << SHARD_BITS, "a shard's number has six bits");
        Self(nth << SHARD_BITS | shard as u64)
    }

    /// The shard that has, or had, the stream.
    pub fn shard(self) -> usize {
        (self.0 & ((1 << SHARD_BITS) - 1)) as usize
    }

    /// As a number, for programs.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for ConnectionId {
    /// Reads what [`ConnectionId::get`] gave. Any number is valid, though perhaps no stream has it.
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard(), self.0 >> SHARD_BITS)
    }
}

/// A text that is no stream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form SHARD-NUMBER, such as 3-17")]
pub struct BadConnectionId;

impl FromStr for ConnectionId {
    type Err = BadConnectionId;

    fn from_str(text: &str) -> Result<Self, BadConnectionId> {
        let parse = || {
            let (shard, nth) = text.split_once('-')?;
            let (shard, nth): (usize, u64) = (shard.parse().ok()?, nth.parse().ok()?);
            (shard < 1 << SHARD_BITS && nth < 1 << (u64::BITS - SHARD_BITS)).then(|| Self::new(shard, nth))
        };
        // One text for each number: no signs, no zeros in front.
        parse().filter(|id| id.to_string() == text).ok_or(BadConnectionId)
    }
}

/// How a stream reaches its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket (RFC 6455).
    WebSocket,
    /// Server-sent events over HTTP/1.x.
    Sse,
    /// Server-sent events over HTTP/2.
    SseH2,
}

impl Transport {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Sse, Self::SseH2];

    /// The name in logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::SseH2 => "sse_h2",
        }
    }
}

/// The client of a stream. Costs about 70 bytes, and its texts, which copies share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// How the stream reaches it.
    pub transport: Transport,
    /// Whether TLS is spoken with it, or with a proxy before it.
    pub tls: bool,
    /// The other end of its connection.
    pub peer: Option<SocketAddr>,
    subject: Option<Arc<str>>,
    user_agent: Option<Arc<str>>,
}

impl ClientInfo {
    /// A client of which no more is known.
    pub fn new(transport: Transport) -> Self {
        Self { transport, tls: false, peer: None, subject: None, user_agent: None }
    }

    /// With this subject. One longer than 255 bytes is left out (OpenID Connect Core 1.0, section 2): a part of it might be
    /// another subject.
    #[must_use]
    pub fn with_subject(mut self, subject: Option<&str>) -> Self {
        self.subject = subject.filter(|subject| subject.len() <= SUBJECT_BYTES_MAX).map(Arc::from);
        self
    }

    /// With the first 200 bytes of this user agent. What is not UTF-8 in it is replaced.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: Option<&[u8]>) -> Self {
        self.user_agent = user_agent.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(USER_AGENT_BYTES_MAX)]);
            let mut end = text.len().min(USER_AGENT_BYTES_MAX);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            Arc::from(&text[..end])
        });
        self
    }

    /// With the copy of its user agent that `shared` gives.
    #[must_use]
    pub fn sharing_user_agent(mut self, shared: impl FnOnce(Arc<str>) -> Arc<str>) -> Self {
        self.user_agent = self.user_agent.map(shared);
        self
    }

    /// The subject of its token.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Its user agent.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

#[cfg(test)]
mod tests;
