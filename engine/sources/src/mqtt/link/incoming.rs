//! From the bytes that were read to packets.
//!
//! Invariants: what is found does not depend on how the bytes were split; no more is gathered than the largest packet
//! that we take, or the longest topic, and one reading; what was handed out pins the buffer until it is dropped.

use bytes::{Buf, Bytes, BytesMut};

use super::codec::{CodecError, DisconnectReasonCode, Oversized, Received, body, check, malformed, qos};
use super::error::LinkError;
use super::version::Version;

/// Bytes of one reading at most.
pub(super) const READ_BYTES: usize = 16 * 1024;

pub(super) struct Incoming {
    pub(super) read: BytesMut,
    version: Version,
    limit: u32,
    skip: Option<Skip>,
}

/// A message that is thrown away as it comes.
struct Skip {
    message: Oversized,
    id: u16,
    /// Bytes that are still to come.
    left: usize,
}

impl Incoming {
    /// Goes on with what is in `read`. Messages of more than `limit` bytes, not counting the fixed header, are skipped.
    pub(super) fn new(read: BytesMut, version: Version, limit: u32) -> Self {
        Self { read, version, limit, skip: None }
    }

    /// The next packet, if it is there. After an error nothing more is to be asked for.
    pub(super) fn next(&mut self) -> Result<Option<Received>, LinkError> {
        if self.skip.is_some() {
            return Ok(self.skipped());
        }
        let header = match check(self.read.iter(), Some(self.limit)) {
            Ok(header) => header,
            Err(CodecError::InsufficientBytes(_)) => return Ok(None),
            Err(CodecError::PayloadSizeLimitExceeded { pkt_size, .. }) => {
                self.skip = self.oversized(pkt_size)?;
                return Ok(self.skipped());
            }
            Err(error) => return Err(LinkError::Malformed(error)),
        };
        let first = self.read[0];
        let frame = self.read.split_to(header.frame_length()).freeze();
        self.version.received(first, header, frame).map(Some)
    }

    /// The message, too large, that begins here, once its topic and packet id are there. `remaining` bytes follow its
    /// fixed header.
    fn oversized(&self, remaining: usize) -> Result<Option<Skip>, LinkError> {
        let first = self.read[0];
        if !matches!(first, 0x30..=0x3f) {
            let what = "a packet, other than a message, that is larger than we take";
            return Err(LinkError::Protocol(what, DisconnectReasonCode::PacketTooLarge));
        }
        let qos = qos(first)?;
        let body = body(&self.read);
        let Some(topic_bytes) = body.first_chunk().copied().map(u16::from_be_bytes) else {
            return Ok(None);
        };
        let topic_end = 2 + usize::from(topic_bytes);
        let head_end = topic_end + 2 * usize::from(qos);
        if head_end > remaining {
            return Err(malformed());
        }
        let Some(head) = body.get(..head_end) else {
            return Ok(None);
        };
        let id = match head[topic_end..] {
            [high, low] => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let bytes = self.read.len() - body.len() + remaining;
        let message = Oversized { topic: Bytes::copy_from_slice(&head[2..topic_end]), bytes };
        Ok(Some(Skip { message, id, left: bytes }))
    }

    /// Throws away what has come of the message, and returns it once that is all.
    fn skipped(&mut self) -> Option<Received> {
        let skip = self.skip.as_mut()?;
        let come = skip.left.min(self.read.len());
        self.read.advance(come);
        skip.left -= come;
        let skip = self.skip.take_if(|skip| skip.left == 0)?;
        Some(Received::TooLarge(skip.message, skip.id))
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
