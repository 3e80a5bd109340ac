//! An SSE stream over HTTP/2: a pipe of a few kilobytes between its shard and hyper.
//!
//! Invariant: the shard puts bytes in only while there is room, so the lag of a slow client stays in its ring, under its
//! policy. When hyper has taken bytes out, or the client has gone, the shard is woken.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{self, Context, Poll};

use bytes::{Bytes, BytesMut};

use floodway_core::shard::{Pipe, Waker};

/// Bytes that may wait for hyper. The rest waits in the ring.
const PIPE_BYTES: usize = 16 * 1024;

#[derive(Default)]
struct Shared {
    waiting: BytesMut,
    is_finished: bool,
    is_gone: bool,
    reader: Option<task::Waker>,
    waker: Option<Waker>,
}

impl Shared {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wake_shard(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }

    fn finish(&mut self) {
        self.is_finished = true;
        self.wake_reader();
    }
}

/// The shard's end.
pub(crate) struct StreamPipe(Rc<RefCell<Shared>>);

/// Hyper's end.
pub(crate) struct StreamBody(Rc<RefCell<Shared>>);

/// A new pipe. Both ends stay on the shard's thread.
pub(crate) fn pipe() -> (StreamPipe, StreamBody) {
    let shared = Rc::new(RefCell::new(Shared::default()));
    (StreamPipe(Rc::clone(&shared)), StreamBody(shared))
}

impl StreamBody {
    /// The next bytes; none when the stream is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut shared = self.0.borrow_mut();
        if !shared.waiting.is_empty() {
            let bytes = shared.waiting.split().freeze();
            shared.wake_shard();
            return Poll::Ready(Some(bytes));
        }
        if shared.is_finished {
            return Poll::Ready(None);
        }
        shared.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.is_gone = true;
        shared.wake_shard();
    }
}

/// A stream that is cut ends its body too: otherwise hyper and the client would wait for ever.
impl Drop for StreamPipe {
    fn drop(&mut self) {
        self.0.borrow_mut().finish();
    }
}

impl fmt::Debug for StreamPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPipe").finish_non_exhaustive()
    }
}

impl Pipe for StreamPipe {
    fn connect(&mut self, waker: Waker) {
        self.0.borrow_mut().waker = Some(waker);
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let shared = &mut *self.0.borrow_mut();
        if shared.is_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut taken = 0;
        for slice in slices {
            let room = PIPE_BYTES.saturating_sub(shared.waiting.len());
            let n = slice.len().min(room);
            shared.waiting.extend_from_slice(&slice[..n]);
            taken += n;
            if n < slice.len() {
                break;
            }
        }
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        shared.wake_reader();
        Ok(taken)
    }

    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        if self.0.borrow().is_gone {
            Ok(0)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().finish();
        Ok(())
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
