//! What a client may do wrong on an open WebSocket, and the close code of each.

use std::fmt;

use fastwebsockets::CloseCode;

/// A breach of RFC 6455 or of the message limit. The connection can't be read any further: there is no telling where
/// the next frame begins. The server sends a close frame made of [`Violation::close`] and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A client's frame without a mask (5.1).
    Unmasked,
    /// RSV1, RSV2 or RSV3 set, with no extension negotiated (5.2).
    ReservedBits,
    /// Opcode 0x3 to 0x7 or 0xB to 0xF (5.2).
    ReservedOpcode,
    /// A length that fits a shorter form (5.2).
    LengthNotMinimal,
    /// A 64-bit length with its highest bit set (5.2).
    LengthHighBit,
    /// A continuation where no message is open (5.4).
    StrayContinuation,
    /// A new message before the open one ended (5.4).
    MessageOpen,
    /// A close, ping or pong without FIN (5.5).
    ControlFragmented,
    /// A close, ping or pong of more than 125 bytes (5.5).
    ControlTooLong,
    /// A close frame with a body of one byte (5.5.1).
    CloseBody,
    /// A close code that must not be sent, or is not assigned (7.4).
    CloseCode,
    /// A text message, or the reason of a close frame, that is not UTF-8 (8.1).
    NotUtf8,
    /// A binary message: subscribers send text only.
    Binary,
    /// A message of more bytes than the limit, over all its fragments.
    TooLarge,
}

impl Violation {
    /// Code and reason of the close frame that answers it (7.4.1).
    pub fn close(&self) -> (u16, &'static str) {
        let (code, reason) = match self {
            Self::Unmasked => (CloseCode::Protocol, "Frame not masked"),
            Self::ReservedBits => (CloseCode::Protocol, "Reserved bit set"),
            Self::ReservedOpcode => (CloseCode::Protocol, "Reserved opcode"),
            Self::LengthNotMinimal => (CloseCode::Protocol, "Length not minimal"),
            Self::LengthHighBit => (CloseCode::Protocol, "Length out of range"),
            Self::StrayContinuation => (CloseCode::Protocol, "No message to continue"),
            Self::MessageOpen => (CloseCode::Protocol, "Message not finished"),
            Self::ControlFragmented => (CloseCode::Protocol, "Control frame fragmented"),
            Self::ControlTooLong => (CloseCode::Protocol, "Control frame too long"),
            Self::CloseBody => (CloseCode::Protocol, "Close frame too short"),
            Self::CloseCode => (CloseCode::Protocol, "Invalid close code"),
            Self::NotUtf8 => (CloseCode::Invalid, "Invalid UTF-8"),
            Self::Binary => (CloseCode::Unsupported, "Binary not supported"),
            Self::TooLarge => (CloseCode::Size, "Message too large"),
        };
        (code.into(), reason)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.close().1)
    }
}
