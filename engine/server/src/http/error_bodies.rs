//! Gives hyper's own answers, to request heads that it can't read, the body that all errors have.
//!
//! Hyper writes such an answer without a body, and reports it only when the connection is closed. So this watches what is
//! written: an answer with an error's status and no body is hyper's, since all others have one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::respond;

/// A connection on which hyper's own errors get a body. `on_error` gets the status of each.
pub(super) struct ErrorBodies<I, F> {
    io: I,
    on_error: F,
    /// The part of an answer that the connection has not taken yet.
    unwritten: Vec<u8>,
}

impl<I, F> ErrorBodies<I, F> {
    pub(super) fn new(io: I, on_error: F) -> Self {
        Self { io, on_error, unwritten: Vec::new() }
    }

    /// The connection. Nothing waits to be written: this is called while requests can be read.
    pub(super) fn into_inner(self) -> I {
        self.io
    }
}

impl<I: AsyncWrite + Unpin, F> ErrorBodies<I, F> {
    fn poll_unwritten(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, &self.unwritten))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unwritten.drain(..n);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin, F: Unpin> AsyncRead for ErrorBodies<I, F> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin, F: FnMut(StatusCode) + Unpin> AsyncWrite for ErrorBodies<I, F> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_unwritten(cx))?;
        let Some(status) = bare_error(bytes) else {
            return Pin::new(&mut self.io).poll_write(cx, bytes);
        };
        (self.on_error)(status);
        self.unwritten = whole(status);
        // What is not taken now is written with the flush, which hyper does next.
        if let Poll::Ready(Err(error)) = self.poll_unwritten(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unwritten(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unwritten(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The status of a response head that has an error and no body.
fn bare_error(head: &[u8]) -> Option<StatusCode> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let status = StatusCode::from_bytes(status).ok()?;
    let is_error = status.is_client_error() || status.is_server_error();
    let is_bare = || {
        let lines = head.split(|&byte| byte == b'\n');
        lines.into_iter().any(|line| line.trim_ascii().eq_ignore_ascii_case(b"content-length: 0"))
    };
    (is_error && is_bare()).then_some(status)
}

fn whole(status: StatusCode) -> Vec<u8> {
    let detail = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "Request head is too large",
        StatusCode::URI_TOO_LONG => "Request target is too long",
        _ => "Request can't be read",
    };
    let body = respond::detail(detail);
    let (reason, length) = (status.canonical_reason().unwrap_or_default(), body.len());
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         connection: close\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n{body}",
        status.as_str()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests;
