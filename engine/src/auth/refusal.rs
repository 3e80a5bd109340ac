//! Why a token was not accepted.

/// One value gives the text, the WebSocket close code and the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There was no token.
    #[error("Missing token parameter")]
    Missing,
    /// Not a token, not signed with our key, expired, not valid yet, or for someone else. Which of
    /// these is not told to the client.
    #[error("Invalid or expired token")]
    Invalid,
    /// The token names no tenant, or one that may not be part of a topic.
    #[error("No tenant_id in token")]
    NoTenant,
    /// The token has none of the configured roles.
    #[error("Unauthorized role")]
    Role,
}

impl Refusal {
    /// The code that closes a WebSocket.
    pub fn close_code(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid => 4001,
            Self::NoTenant | Self::Role => 4003,
        }
    }

    /// The status of an HTTP answer (RFC 9110, 15.5).
    pub fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid => 401,
            Self::NoTenant | Self::Role => 403,
        }
    }
}
