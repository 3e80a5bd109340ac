//! The header of one client frame (RFC 6455, 5.2).
//!
//! Invariant: bytes are judged one after the other, as soon as they are there. So the first breach in the stream is
//! the one reported, however the stream was cut, and a frame that is too large is refused before its body.

use fastwebsockets::OpCode;

use super::violation::Violation;

/// The longest header of a client frame: 2 bytes, 8 of length, 4 of mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// The longest body of a close, ping or pong (5.5).
pub(super) const CONTROL_BYTES_MAX: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// What a frame carries. A binary message never gets as far as here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, or a continuation of it.
    Text,
    /// Close frame.
    Close,
    /// Ping frame.
    Ping,
    /// Pong frame.
    Pong,
}

/// A frame whose header has been read, and how far its body has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Nothing of its message follows.
    pub(super) fin: bool,
    pub(super) kind: Kind,
    /// Begins with the byte for the next byte of the body.
    pub(super) mask: [u8; 4],
    /// Bytes of the body not read yet.
    pub(super) left: usize,
}

impl Frame {
    /// True for close, ping and pong, which may come between the fragments of a message.
    pub(super) fn is_control(&self) -> bool {
        self.kind != Kind::Text
    }

    /// Takes `body`, the next bytes of this frame, off its mask.
    pub(super) fn unmask(&mut self, body: &mut [u8]) {
        fastwebsockets::unmask(body, self.mask);
        self.mask.rotate_left(body.len() % 4);
        self.left -= body.len();
    }
}

/// What a header depends on besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// A message was begun and is not finished.
    pub(super) open: bool,
    /// Bytes that the message may still take.
    pub(super) room: usize,
}

/// The header that `bytes` begin with, and its length in bytes. `None` while it is not whole;
/// [`HEADER_BYTES_MAX`] bytes always suffice.
///
/// # Errors
/// The first breach in the bytes that are there.
pub(super) fn parse(bytes: &[u8], context: Context) -> Result<Option<(Frame, usize)>, Violation> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let kind = kind(first, context.open)?;
    let Some((&second, rest)) = rest.split_first() else {
        return Ok(None);
    };
    if second & MASKED == 0 {
        return Err(Violation::Unmasked);
    }
    if kind != Kind::Text && usize::from(second & LENGTH) > CONTROL_BYTES_MAX {
        return Err(Violation::ControlTooLong);
    }
    let Some((length, rest)) = length(second & LENGTH, rest)? else {
        return Ok(None);
    };
    if kind == Kind::Text && length > context.room as u64 {
        return Err(Violation::TooLarge);
    }
    let Some((&mask, rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let fin = first & FIN != 0;
    // Not more than `room` or 125, so it is a usize.
    let left = length as usize;
    let frame = Frame { fin, kind, mask, left };
    Ok(Some((frame, bytes.len() - rest.len())))
}

fn kind(first: u8, open: bool) -> Result<Kind, Violation> {
    if first & RESERVED != 0 {
        return Err(Violation::ReservedBits);
    }
    let opcode = OpCode::try_from(first & OPCODE).map_err(|_| Violation::ReservedOpcode)?;
    let kind = match opcode {
        OpCode::Continuation if !open => return Err(Violation::StrayContinuation),
        OpCode::Text | OpCode::Binary if open => return Err(Violation::MessageOpen),
        OpCode::Binary => return Err(Violation::Binary),
        OpCode::Continuation | OpCode::Text => return Ok(Kind::Text),
        OpCode::Close => Kind::Close,
        OpCode::Ping => Kind::Ping,
        OpCode::Pong => Kind::Pong,
    };
    if first & FIN == 0 {
        return Err(Violation::ControlFragmented);
    }
    Ok(kind)
}

/// The length of the body and what follows it in `rest`.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (length, least, rest) = match short {
        LENGTH_16 => match rest.split_first_chunk() {
            Some((&long, rest)) => (u64::from(u16::from_be_bytes(long)), LENGTH_16.into(), rest),
            None => return Ok(None),
        },
        LENGTH_64 => match rest.split_first_chunk() {
            Some((&long, rest)) => (u64::from_be_bytes(long), 1 << 16, rest),
            None => return Ok(None),
        },
        _ => (u64::from(short), 0, rest),
    };
    if length >> 63 != 0 {
        return Err(Violation::LengthHighBit);
    }
    if length < least {
        return Err(Violation::LengthNotMinimal);
    }
    Ok(Some((length, rest)))
}
