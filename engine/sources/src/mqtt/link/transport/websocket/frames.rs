//! Frames of a WebSocket (RFC 6455, 5): those of a server are read, those of a client are written.

use std::io::Cursor;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::mqtt::link::transport::fault::TransportFault;
use crate::tls::random;

/// Bytes of a control frame's payload, at most (RFC 6455, 5.5).
const CONTROL_BYTES: u64 = 125;

/// The code of a close frame that has none (RFC 6455, 7.1.5).
const NO_CODE: u16 = 1005;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes of data, at the beginning of what was read.
    Data(usize),
    Ping(Bytes),
    /// The end, with its code and its reason.
    Close(u16, String),
}

/// Reads the frames of a server. What it has no use for is passed over; what RFC 6455 forbids is a fault.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Bytes of the data frame under way that are yet to come.
    left: u64,
    /// The message under way has further frames.
    is_fragmented: bool,
}

impl Reader {
    /// The next part of what was `read`, from which the headers before it are cut; none if more has to be read. Data is to
    /// be followed by [`Reader::took`].
    pub(super) fn next(&mut self, read: &mut BytesMut) -> Result<Option<Part>, TransportFault> {
        loop {
            if self.left > 0 && !read.is_empty() {
                let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                return Ok(Some(Part::Data(left.min(read.len()))));
            }
            if self.left > 0 {
                return Ok(None);
            }
            let mut cursor = Cursor::new(&read[..]);
            let parsed = FrameHeader::parse(&mut cursor).map_err(|_| violation("a frame of an unknown kind"))?;
            let header_bytes = cursor.position() as usize;
            let Some((header, bytes)) = parsed else {
                return Ok(None);
            };
            check(&header)?;
            match header.opcode {
                OpCode::Data(kind) => {
                    self.begin(kind, header.is_final)?;
                    self.left = bytes;
                    read.advance(header_bytes);
                }
                OpCode::Control(kind) => {
                    if bytes > CONTROL_BYTES || !header.is_final {
                        return Err(violation("a control frame that is too long, or in pieces"));
                    }
                    let bytes = bytes as usize;
                    if read.len() < header_bytes + bytes {
                        return Ok(None);
                    }
                    read.advance(header_bytes);
                    if let Some(part) = control(kind, read.split_to(bytes).freeze()) {
                        return Ok(Some(part));
                    }
                }
            }
        }
    }

    /// So many bytes of data, which [`Reader::next`] has shown, are cut from what was `read`.
    pub(super) fn took(&mut self, read: &mut BytesMut, bytes: usize) {
        read.advance(bytes);
        self.left -= bytes as u64;
    }

    /// A data frame begins. Pieces of a message follow one another (RFC 6455, 5.4).
    fn begin(&mut self, kind: Data, is_final: bool) -> Result<(), TransportFault> {
        match (kind, self.is_fragmented) {
            (Data::Binary, false) | (Data::Continue, true) => {
                self.is_fragmented = !is_final;
                Ok(())
            }
            // MQTT 5.0, 6: [MQTT-6.0.0-1].
            (Data::Text, _) => Err(violation("a text frame, and MQTT comes in binary ones")),
            _ => Err(violation("a message that begins within another one, or goes on without a beginning")),
        }
    }
}

/// What holds for each frame of a server (RFC 6455, 5.1 and 5.2) of which no extension was asked for.
fn check(header: &FrameHeader) -> Result<(), TransportFault> {
    if header.mask.is_some() {
        return Err(violation("a masked frame, and a server masks none"));
    }
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(violation("a frame of an extension that was not asked for"));
    }
    Ok(())
}

fn control(kind: Control, payload: Bytes) -> Option<Part> {
    match kind {
        Control::Ping => Some(Part::Ping(payload)),
        Control::Close => {
            let (code, reason) = match payload.split_first_chunk() {
                Some((code, reason)) => (u16::from_be_bytes(*code), reason),
                None => (NO_CODE, &[][..]),
            };
            Some(Part::Close(code, String::from_utf8_lossy(reason).into_owned()))
        }
        // Nothing was asked. The header's parser lets no reserved kind pass.
        Control::Pong | Control::Reserved(_) => None,
    }
}

fn violation(what: &'static str) -> TransportFault {
    TransportFault::Violation(what)
}

/// The kinds of frames that a client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Binary,
    Pong,
    Close,
}

/// Writes one whole frame behind `out`, masked as that of a client has to be (RFC 6455, 5.3).
pub(super) fn write_frame(out: &mut BytesMut, kind: Kind, payload: &[u8]) {
    let opcode = match kind {
        Kind::Binary => OpCode::Data(Data::Binary),
        Kind::Pong => OpCode::Control(Control::Pong),
        Kind::Close => OpCode::Control(Control::Close),
    };
    let mask: [u8; 4] = random();
    let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
    let written = header.format(payload.len() as u64, &mut out.writer());
    debug_assert!(written.is_ok(), "{written:?}");
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}
