//! A connection's bytes on their way from and to hyper.
//!
//! Hyper answers a head that it can't read by itself, with an empty body. Invariant: what it writes while no request of
//! ours is being answered is such an answer, and is kept from the peer, who is then told in JSON instead.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How far the answer to the last request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// Written, or there was no request yet.
    #[default]
    Done,
    /// Hyper waits for it, or for more of it.
    Answering,
    /// Hyper has all of it, and may still hold some.
    Answered,
}

/// Tells the wire of requests and answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Rc<Cell<Progress>>);

/// Lives as long as the body of an answer.
pub(super) struct Answering(Answers);

pub(super) struct Wire<I> {
    io: I,
    answers: Answers,
    /// Something was kept from the peer.
    has_kept: bool,
}

impl Answers {
    /// A request has come; it is answered when what this returns is dropped.
    pub(super) fn begin(&self) -> Answering {
        self.0.set(Progress::Answering);
        Answering(self.clone())
    }

    /// Whether all requests so far are answered.
    fn are_done(&self) -> bool {
        self.0.get() == Progress::Done
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.set(Progress::Answered);
    }
}

impl<I> Wire<I> {
    pub(super) fn new(io: I, answers: Answers) -> Self {
        Self {
            io,
            answers,
            has_kept: false,
        }
    }

    /// Whether the peer is still to be told what hyper said in vain.
    pub(super) fn has_kept(&self) -> bool {
        self.has_kept
    }

    pub(super) fn into_inner(self) -> I {
        self.io
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Wire<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, into)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answers.are_done() {
            this.has_kept = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        if flushed.is_ready() && this.answers.0.get() == Progress::Answered {
            this.answers.0.set(Progress::Done);
        }
        flushed
    }

    /// Instead of what was kept, something is still to be said.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_kept {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}
