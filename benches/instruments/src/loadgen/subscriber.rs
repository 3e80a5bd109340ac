//! One subscriber: from the connection through the handshake to the stream. It is given readiness and bytes, and
//! waits for nothing.

use crate::Fault;
use crate::dialect::{Dialect, Heard, Kind};
use crate::http::{Body, Head};
use crate::request::Request;
use crate::sse;
use crate::ws::{self, Item, Opcode};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::fmt;
use std::net::SocketAddr;

/// Why a subscriber is no more.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection broke.
    Io(Errno),
    /// The server closed it.
    Closed,
    /// The server said why it ends the stream: status and reason of a WebSocket.
    Told(u16, String),
    /// The server answered the request with this status instead of a stream.
    Refused(u16),
    /// The server broke a protocol.
    Fault(Fault),
    /// It was not ready when time was up.
    TimedOut,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Io(error) => write!(f, "connection: {error}"),
            End::Closed => f.write_str("closed by the server"),
            End::Told(status, reason) => write!(f, "closed by the server: {status} {reason}"),
            End::Refused(status) => write!(f, "refused with status {status}"),
            End::Fault(Fault(fault)) => write!(f, "protocol: {fault}"),
            End::TimedOut => f.write_str("not ready in time"),
        }
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        End::Fault(fault)
    }
}

#[derive(Debug)]
enum Stage {
    /// The connection is not there yet.
    Connecting,
    /// The request is sent; the bytes of the answer so far.
    Asking(Vec<u8>),
    /// The stream is open.
    Ws(ws::Decoder),
    Sse(Body, sse::Decoder),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Subscriber {
    socket: OwnedFd,
    kind: Kind,
    /// What it asks for; what was said of it is taken out.
    request: Request,
    dialect: Dialect,
    stage: Stage,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    /// When it began to connect, microseconds of the clock.
    pub(crate) started_us: u64,
    /// What is published from now on arrives.
    pub(crate) ready: bool,
}

impl Subscriber {
    /// Begins to connect.
    ///
    /// # Errors
    /// If there are no descriptors or ports left, or the server is not there.
    pub(crate) fn connect(address: SocketAddr, kind: Kind, request: Request, now_us: u64) -> Result<Self, End> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(End::Io)?;
        sockopt::set_tcp_nodelay(&socket, true).map_err(End::Io)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(End::Io(error)),
        }
        Ok(Subscriber {
            socket,
            kind,
            dialect: Dialect::new(kind),
            request,
            stage: Stage::Connecting,
            unsent: Vec::new(),
            started_us: now_us,
            ready: false,
        })
    }

    /// The connection.
    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// The socket takes bytes: it is connected, or room came free.
    ///
    /// # Errors
    /// If the connection is not to be had, or broke.
    pub(crate) fn writable(&mut self) -> Result<(), End> {
        if matches!(self.stage, Stage::Connecting) {
            let error = sockopt::socket_error(&self.socket);
            error.and_then(|connected| connected).map_err(End::Io)?;
            self.unsent = std::mem::take(&mut self.request.bytes);
            self.stage = Stage::Asking(Vec::new());
        }
        self.flush()
    }

    /// Writes what is unsent, as far as the socket takes it.
    fn flush(&mut self) -> Result<(), End> {
        while !self.unsent.is_empty() {
            match rustix::io::write(&self.socket, &self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(End::Io(error)),
            }
        }
        // An idle stream keeps no memory for what it once said.
        self.unsent = Vec::new();
        Ok(())
    }

    /// Takes the connection's next bytes, and gives what they hold to `sink`.
    ///
    /// # Errors
    /// If the stream ends by this.
    pub(crate) fn take(&mut self, bytes: &[u8], mut sink: impl FnMut(Heard<'_>)) -> Result<(), End> {
        if let Stage::Asking(head) = &mut self.stage {
            head.extend_from_slice(bytes);
            return self.answered(sink);
        }
        self.stream(bytes, &mut sink)
    }

    /// The answer's head, once it is whole, decides.
    fn answered(&mut self, mut sink: impl FnMut(Heard<'_>)) -> Result<(), End> {
        let Stage::Asking(bytes) = &mut self.stage else {
            return Ok(());
        };
        let Some((head, length)) = Head::take(bytes)? else {
            return Ok(());
        };
        if !matches!(head.status, 101 | 200) {
            return Err(End::Refused(head.status));
        }
        self.request.accepts(&head)?;
        self.unsent = std::mem::take(&mut self.request.opening);
        let rest = bytes.split_off(length);
        self.stage = match head.status {
            101 => Stage::Ws(ws::Decoder::default()),
            _ => Stage::Sse(head.body(), sse::Decoder::default()),
        };
        if self.kind == Kind::Bare {
            sink(Heard::Ready);
        }
        self.flush()?;
        self.stream(&rest, &mut sink)
    }

    fn stream(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Heard<'_>)) -> Result<(), End> {
        let (dialect, unsent) = (&mut self.dialect, &mut self.unsent);
        let mut told = None;
        let over = match &mut self.stage {
            Stage::Connecting | Stage::Asking(_) => false,
            Stage::Ws(frames) => {
                frames.feed(bytes, |item| match item {
                    Item::Message(message) => dialect.hear(message, unsent, &mut *sink),
                    Item::Ping(payload) => {
                        ws::frame(Opcode::Pong, payload, unsent);
                        Ok(())
                    }
                    Item::Close(why) => {
                        told = Some(reason(why));
                        Ok(())
                    }
                })?;
                false
            }
            Stage::Sse(body, messages) => {
                body.feed(&mut bytes, |content| {
                    messages.feed(content, |message| dialect.hear(message, unsent, &mut *sink))
                })?;
                body.is_over()
            }
        };
        if !self.unsent.is_empty() {
            self.flush()?;
        }
        match told {
            Some(end) => Err(self.farewell(end)),
            None if over => Err(End::Closed),
            None => Ok(()),
        }
    }

    /// Answers a close frame with one, as section 5.5.1 of RFC 6455 asks for.
    fn farewell(&mut self, end: End) -> End {
        ws::frame(Opcode::Close, &[], &mut self.unsent);
        // The server has closed the stream already: whether the answer still goes out changes nothing.
        self.flush().ok();
        end
    }
}

fn reason(payload: &[u8]) -> End {
    match payload {
        [high, low, reason @ ..] => {
            End::Told(u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason).into_owned())
        }
        // Section 7.1.5: no status was received.
        _ => End::Told(1005, String::new()),
    }
}
