//! Reads what a client sends on an open WebSocket (RFC 6455, 5.1 to 5.6), without any I/O of its own.
//!
//! Invariant: between two calls a reader holds at most one message up to the limit, one frame header, and one control
//! frame's body of 125 bytes; and nothing at all, but one null pointer, while no frame and no message is half read. It
//! holds what came, not what was announced. Fragments without content cost nothing, however many there are.
//!
//! What a reader gives depends on the bytes alone, not on how they were cut into calls. A frame that came whole is
//! unmasked where it lies and never copied.
//!
//! Not promised: reading on after a close frame or after an error. Each of them ends the reading side of a connection.

use std::mem;
use std::ops::ControlFlow;

use fastwebsockets::CloseCode;

use super::close;
use super::header::{self, Context, Frame, HEADER_BYTES_MAX, Kind};
pub use super::violation::Violation;

/// One whole message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message, its fragments joined (5.6).
    Text(&'a str),
    /// To be answered with a pong of the same body, 125 bytes at most (5.5.2).
    Ping(&'a [u8]),
    /// The client is alive; nothing to answer (5.5.3).
    Pong,
    /// The client ends the connection. Always the last message; whatever follows it is not read (5.5.1).
    Close(Option<CloseCode>),
}

/// What was read of a connection and is not yet a whole message: nothing, most of the time.
#[derive(Debug, Default)]
pub struct Reader {
    partial: Option<Box<Partial>>,
}

#[derive(Debug, Default)]
struct Partial {
    /// The first `header_len` bytes of a header that is not whole.
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// The frame whose body is being read.
    frame: Option<Frame>,
    /// A message was begun by a frame without FIN, and its last frame has not ended.
    open: bool,
    /// What came of the message, unmasked.
    message: Vec<u8>,
    /// How much of the message is known to be UTF-8.
    valid: usize,
    /// What came of a control frame, unmasked.
    control: Vec<u8>,
}

impl Reader {
    /// Reads the bytes that came and calls `each` for every whole message in order, until they are used up or a close
    /// frame has come. What is left of `bytes` afterwards has no meaning: frames are unmasked in place.
    ///
    /// `limit` is the largest message, in bytes over all its fragments; one of exactly this size is read.
    ///
    /// # Errors
    /// The first breach of the protocol, after every message before it was handed to `each`. The reader holds nothing
    /// then, and the connection can't be read further.
    pub fn read(&mut self, bytes: &mut [u8], limit: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<(), Violation> {
        let read = self.read_frames(bytes, limit, each);
        if !matches!(read, Ok(ControlFlow::Continue(()))) {
            self.partial = None;
        }
        read.map(|_| ())
    }

    fn read_frames(
        &mut self,
        mut bytes: &mut [u8],
        limit: usize,
        each: &mut dyn FnMut(Message<'_>),
    ) -> Result<ControlFlow<()>, Violation> {
        while let Some(mut frame) = self.begin_frame(&mut bytes, limit)? {
            let flow = if self.can_read_in_place(&frame, bytes) {
                let body = split_off(&mut bytes, frame.left);
                frame.unmask(body);
                deliver(frame.kind, body, each)?
            } else {
                let partial = self.partial.get_or_insert_default();
                if !partial.fill(&mut frame, &mut bytes, limit) {
                    partial.frame = Some(frame);
                    break;
                }
                partial.end_frame(&frame, each)?
            };
            if flow.is_break() {
                return Ok(flow);
            }
            self.partial.take_if(|partial| !partial.open);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The frame that is being read, or else the next one. `None` if its header is not whole: then all `bytes` were
    /// taken.
    fn begin_frame(&mut self, bytes: &mut &mut [u8], limit: usize) -> Result<Option<Frame>, Violation> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let partial = self.partial.as_deref_mut();
        if let Some(frame) = partial.and_then(|partial| partial.frame.take()) {
            return Ok(Some(frame));
        }
        let (mut header, held) = self.header();
        let new = bytes.len().min(HEADER_BYTES_MAX - held);
        header[held..held + new].copy_from_slice(&bytes[..new]);

        let parsed = header::parse(&header[..held + new], self.context(limit))?;
        let taken = parsed.map_or(new, |(_, length)| length - held);
        split_off(bytes, taken);
        match parsed {
            Some((frame, _)) => {
                self.keep_header(header, 0);
                Ok(Some(frame))
            }
            None => {
                self.keep_header(header, held + new);
                Ok(None)
            }
        }
    }

    fn header(&self) -> ([u8; HEADER_BYTES_MAX], usize) {
        let partial = self.partial.as_deref();
        partial.map_or_else(Default::default, |partial| (partial.header, partial.header_len))
    }

    fn keep_header(&mut self, header: [u8; HEADER_BYTES_MAX], header_len: usize) {
        if header_len > 0 {
            self.partial.get_or_insert_default().header = header;
        }
        if let Some(partial) = &mut self.partial {
            partial.header_len = header_len;
        }
    }

    fn context(&self, limit: usize) -> Context {
        self.partial.as_ref().map_or(Context { open: false, room: limit }, |partial| Context {
            open: partial.open,
            room: limit.saturating_sub(partial.message.len()),
        })
    }

    /// True if the whole body lies in `bytes` and is a message by itself.
    fn can_read_in_place(&self, frame: &Frame, bytes: &[u8]) -> bool {
        let alone = match self.partial.as_deref() {
            Some(partial) if frame.is_control() => partial.control.is_empty(),
            Some(partial) => frame.fin && !partial.open && partial.message.is_empty(),
            None => frame.fin,
        };
        alone && frame.left <= bytes.len()
    }
}

impl Partial {
    /// Moves what is there of the frame's body out of `bytes`. True if the body is whole then.
    fn fill(&mut self, frame: &mut Frame, bytes: &mut &mut [u8], limit: usize) -> bool {
        let body = split_off(bytes, frame.left.min(bytes.len()));
        let into = if frame.is_control() { &mut self.control } else { &mut self.message };
        let most = if frame.fin {
            frame.left
        } else {
            limit.saturating_sub(into.len()).max(frame.left)
        };
        reserve(into, body.len(), most);
        frame.unmask(body);
        into.extend_from_slice(body);
        frame.left == 0
    }

    /// Delivers what the frame has made whole.
    fn end_frame(&mut self, frame: &Frame, each: &mut dyn FnMut(Message<'_>)) -> Result<ControlFlow<()>, Violation> {
        if frame.is_control() {
            return deliver(frame.kind, &mem::take(&mut self.control), each);
        }
        self.open = !frame.fin;
        if self.open {
            self.check_prefix()?;
            return Ok(ControlFlow::Continue(()));
        }
        deliver(frame.kind, &mem::take(&mut self.message), each)
    }

    /// Checks that the open message may still become UTF-8; a fragment may end inside a character (5.6).
    fn check_prefix(&mut self) -> Result<(), Violation> {
        match std::str::from_utf8(&self.message[self.valid..]) {
            Ok(_) => self.valid = self.message.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }
}

fn deliver(kind: Kind, body: &[u8], each: &mut dyn FnMut(Message<'_>)) -> Result<ControlFlow<()>, Violation> {
    let message = match kind {
        Kind::Text => Message::Text(std::str::from_utf8(body).map_err(|_| Violation::NotUtf8)?),
        Kind::Ping => Message::Ping(body),
        Kind::Pong => Message::Pong,
        Kind::Close => {
            let code = close::read(body)?;
            each(Message::Close(code));
            return Ok(ControlFlow::Break(()));
        }
    };
    each(message);
    Ok(ControlFlow::Continue(()))
}

/// Makes room for `new` bytes more. Doubles, so that many small pieces are cheap, but not past the `most` that may come.
fn reserve(into: &mut Vec<u8>, new: usize, most: usize) {
    if into.capacity() - into.len() < new {
        into.reserve_exact(new.max(into.len()).min(most));
    }
}

/// Takes the first `at` of `bytes`.
fn split_off<'a>(bytes: &mut &'a mut [u8], at: usize) -> &'a mut [u8] {
    let (front, back) = mem::take(bytes).split_at_mut(at);
    *bytes = back;
    front
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
