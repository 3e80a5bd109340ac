//! How the shell gets to a private listener over TLS.
//!
//! A client certificate that the gateway does not accept is, by TLS 1.3, heard of only after the handshake, when the
//! first answer is awaited; gRPC makes a text of it. So what the socket says is kept here as it was.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::codegen::{BoxFuture, Service};

use crate::tls::{self, ClientStream, Fault, Files, Pem, Roots, ServerName};

/// What a client shows, and whom it trusts.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `admin.token` or `admin.read_token` of the gateway.
    pub token: Option<String>,
    /// PEM file with the authorities that vouch for the gateway's certificate; none: the system's.
    pub ca: Option<PathBuf>,
    /// The client's own certificate and its key.
    pub identity: Option<Files>,
}

impl Credentials {
    fn connector(&self) -> Result<tls::Connector, tls::Error> {
        let roots = match &self.ca {
            None => Roots::of_system()?,
            Some(path) => Roots::of(Pem {
                setting: "--admin-ca",
                path,
            })?,
        };
        let pair = self.identity.as_ref();
        let pair = pair.map(|files| files.named("--admin-cert", "--admin-key"));
        tls::connector(roots, pair, &[b"h2"])
    }
}

/// What the latest connection failed of, if it is something that can be mended.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Mutex<Option<Fault>>>);

impl Faults {
    pub(super) fn latest(&self) -> Option<Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// Connects to one gateway.
#[derive(Clone)]
pub(super) struct Connector {
    tls: tls::Connector,
    name: ServerName<'static>,
    address: (String, u16),
    faults: Faults,
}

impl Connector {
    /// None if `uri` names no host and port.
    pub(super) fn new(
        uri: &Uri,
        credentials: &Credentials,
        faults: Faults,
    ) -> Result<Option<Self>, tls::Error> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).ok();
        let (Some(name), Some(port)) = (name, uri.port_u16()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            tls: credentials.connector()?,
            name,
            address: (host.to_owned(), port),
            faults,
        }))
    }

    async fn connect(self) -> io::Result<TokioIo<Heard>> {
        self.faults.set(None);
        let (host, port) = &self.address;
        let socket = TcpStream::connect((host.as_str(), *port)).await?;
        // Without it questions are only later, not wrong.
        let _ = socket.set_nodelay(true);
        let shaken = self.tls.connect(self.name, socket).await;
        let stream = shaken.inspect_err(|error| self.faults.set(Fault::of(error)))?;
        Ok(TokioIo::new(Heard {
            stream,
            faults: self.faults,
        }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Heard>;
    type Error = io::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// A connection that keeps what it fails of.
pub(super) struct Heard {
    stream: ClientStream<TcpStream>,
    faults: Faults,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        Poll::Ready(read.inspect_err(|error| self.faults.set(Fault::of(error))))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
