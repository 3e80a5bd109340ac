//! A WebSocket (RFC 6455) as the byte stream of MQTT (MQTT 5.0, 6): packets begin and end anywhere in its binary messages.
//!
//! Invariants: of a frame nothing is held but its header, however long it is, so one huge message of a device is skipped here
//! as over TCP. What can't be written yet is one frame, and the answers to pings that came meanwhile, within bounds.

mod frames;
mod upgrade;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::fault::TransportFault;
use super::stream::Stream;
use frames::{Kind, Part, Reader, write_frame};
pub(super) use upgrade::upgrade;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Bytes of one frame that is written.
const FRAME_BYTES: usize = 64 * 1024;

/// Bytes that wait to be written, beyond which pings are not answered (RFC 6455, 5.5.3 lets the latest answer count for all).
const WAITING_BYTES: usize = 2 * FRAME_BYTES;

/// The codes of an end without a fault (RFC 6455, 7.4.1).
const NORMAL: [u16; 2] = [1000, 1005];

pub(super) struct WebSocket {
    stream: Box<dyn Stream>,
    /// What was read, and not taken yet.
    read: BytesMut,
    reader: Reader,
    /// Frames that wait to be written.
    waiting: BytesMut,
    /// The server has ended it.
    has_ended: bool,
}

impl WebSocket {
    /// Over `stream`, which was upgraded, and of which this was `read` since.
    fn new(stream: Box<dyn Stream>, read: BytesMut) -> Self {
        Self {
            stream,
            read,
            reader: Reader::default(),
            waiting: BytesMut::new(),
            has_ended: false,
        }
    }

    fn answer(&mut self, ping: &[u8]) {
        if self.waiting.len() < WAITING_BYTES {
            write_frame(&mut self.waiting, Kind::Pong, ping);
        }
    }

    /// The server ends it, and is told that we have seen it (RFC 6455, 5.5.1), if it still listens.
    fn ended(&mut self, code: u16, reason: String) -> Result<(), TransportFault> {
        self.has_ended = true;
        let echoed = if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() };
        write_frame(&mut self.waiting, Kind::Close, &echoed);
        if NORMAL.contains(&code) {
            Ok(())
        } else {
            Err(TransportFault::Closed(code, reason))
        }
    }

    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for WebSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.has_ended {
            match this.reader.next(&mut this.read)? {
                Some(Part::Data(bytes)) => {
                    let bytes = bytes.min(into.remaining());
                    into.put_slice(&this.read[..bytes]);
                    this.reader.took(&mut this.read, bytes);
                    return Poll::Ready(Ok(()));
                }
                Some(Part::Ping(payload)) => {
                    this.answer(&payload);
                    // An error shows in reading, or in what is written next.
                    let _ = this.poll_flush_all(cx);
                }
                Some(Part::Close(code, reason)) => {
                    let ended = this.ended(code, reason);
                    let _ = this.poll_flush_all(cx);
                    ended?;
                }
                None => {
                    this.read.reserve(READ_BYTES);
                    let mut room = (&mut this.read).limit(READ_BYTES);
                    let read = std::pin::pin!(this.stream.read_buf(&mut room)).poll(cx);
                    this.has_ended = ready!(read)? == 0;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl WebSocket {
    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_waiting(cx))?;
        let bytes = &bytes[..bytes.len().min(FRAME_BYTES)];
        write_frame(&mut self.waiting, Kind::Binary, bytes);
        // The frame counts as written: what does not go now goes before the next one, or by a flush.
        match self.poll_waiting(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_all(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod properties;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
