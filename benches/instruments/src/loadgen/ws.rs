//! WebSocket frames (RFC 6455), the client's side: frames in however they are cut, masked frames out.
//!
//! Not checked: that text is UTF-8, and that control frames of the server are no longer than 125 bytes. Both would be
//! faults of the server's that change no figure.

use crate::Fault;

/// The most that one message may have: more is a fault, not a server to be measured.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a frame of ours is (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// A message of bytes.
    Binary = 0x2,
    /// The end of the stream.
    Close = 0x8,
    /// The answer to a ping.
    Pong = 0xa,
}

/// What came out of the frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A whole message, text or binary.
    Message(&'a [u8]),
    /// A ping with its payload, which the pong must have too.
    Ping(&'a [u8]),
    /// The server ends the stream, with this status and reason.
    Close(&'a [u8]),
}

/// Makes messages of bytes. Between calls it keeps no more than a cut frame and the fragments of one message.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The beginning of a frame that was cut.
    cut: Vec<u8>,
    /// The fragments so far of a message that came in several.
    fragments: Option<Vec<u8>>,
}

/// A frame's header, read.
#[derive(Clone, Copy)]
struct Header {
    first: u8,
    /// Bytes of the header itself.
    length: usize,
    /// Bytes of header and payload.
    whole: usize,
}

impl Header {
    /// Reads the header at the beginning of these bytes; `Err(wanted)` if so many bytes are needed to do so.
    fn read(bytes: &[u8]) -> Result<Result<Header, usize>, Fault> {
        let [first, second, ..] = *bytes else {
            return Ok(Err(2));
        };
        if second & MASKED != 0 {
            return Err(Fault("a server masks no frame"));
        }
        let (length, payload) = match second {
            126 => match bytes.get(2..4) {
                Some(long) => (4, u64::from(u16::from_be_bytes([long[0], long[1]]))),
                None => return Ok(Err(4)),
            },
            127 => match bytes.get(2..10) {
                Some(long) => (10, long.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))),
                None => return Ok(Err(10)),
            },
            short => (2, u64::from(short)),
        };
        if payload > MESSAGE_BYTES_MAX as u64 {
            return Err(Fault("a frame of more than 16 MiB"));
        }
        let whole = length + payload as usize;
        Ok(Ok(Header { first, length, whole }))
    }
}

impl Decoder {
    /// Takes the stream's next bytes, and gives what is whole to `sink`.
    ///
    /// # Errors
    /// If they break the protocol, or `sink` fails. The stream is of no use then.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut sink: impl FnMut(Item<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while !self.cut.is_empty() && !bytes.is_empty() {
            self.mend(&mut bytes, &mut sink)?;
        }
        while !bytes.is_empty() {
            match Header::read(bytes)? {
                Ok(header) if header.whole <= bytes.len() => {
                    self.frame(header.first, &bytes[header.length..header.whole], &mut sink)?;
                    bytes = &bytes[header.whole..];
                }
                _ => {
                    self.cut.extend_from_slice(bytes);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Gives the cut frame what it lacks: first of its header, then of the rest.
    fn mend(&mut self, bytes: &mut &[u8], sink: &mut impl FnMut(Item<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let wanted = match Header::read(&self.cut)? {
            Ok(header) => header.whole,
            Err(header) => header,
        };
        let missing = (wanted - self.cut.len()).min(bytes.len());
        self.cut.extend_from_slice(&bytes[..missing]);
        *bytes = &bytes[missing..];
        if let Ok(header) = Header::read(&self.cut)?
            && header.whole == self.cut.len()
        {
            let mut cut = std::mem::take(&mut self.cut);
            self.frame(header.first, &cut[header.length..], sink)?;
            cut.clear();
            self.cut = cut;
        }
        Ok(())
    }

    fn frame(
        &mut self,
        first: u8,
        payload: &[u8],
        sink: &mut impl FnMut(Item<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if first & RESERVED != 0 {
            return Err(Fault("reserved bits without an extension"));
        }
        let last = first & FIN != 0;
        match (first & 0xf, last) {
            (0x0, _) => self.fragment(last, payload, sink),
            (0x1 | 0x2, _) if self.fragments.is_some() => Err(Fault("a new message inside a fragmented one")),
            (0x1 | 0x2, true) => sink(Item::Message(payload)),
            (0x1 | 0x2, false) => {
                self.fragments = Some(payload.to_vec());
                Ok(())
            }
            (0x8, true) => sink(Item::Close(payload)),
            (0x9, true) => sink(Item::Ping(payload)),
            (0xa, true) => Ok(()),
            (0x8..=0xa, false) => Err(Fault("a control frame in fragments")),
            _ => Err(Fault("an unknown kind of frame")),
        }
    }

    fn fragment(
        &mut self,
        last: bool,
        payload: &[u8],
        sink: &mut impl FnMut(Item<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(fragments) = &mut self.fragments else {
            return Err(Fault("a continuation of nothing"));
        };
        if fragments.len() + payload.len() > MESSAGE_BYTES_MAX {
            return Err(Fault("a message of more than 16 MiB"));
        }
        fragments.extend_from_slice(payload);
        if last {
            sink(Item::Message(fragments))?;
            self.fragments = None;
        }
        Ok(())
    }
}

/// Appends one whole frame of a client.
///
/// The mask is always the same: it protects proxies from hostile pages, of which there are none here.
pub(crate) fn frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0x5a, 0xc3, 0x96, 0x3c];
    out.push(FIN | opcode as u8);
    match payload.len() {
        short @ 0..=125 => out.push(MASKED | short as u8),
        long @ 126..=0xffff => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
        huge => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(huge as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests;
