//! TLS to a broker.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::{TlsFiles, TransportFault};
use super::stream::Stream;
use crate::mqtt::config::Config;
use crate::mqtt::link::error::LinkError;
use crate::tls::{self, ClientStream, Connector, Fault, Pem, Roots, ServerName};

/// What every handshake needs, read once.
pub(super) struct Tls {
    connector: Connector,
    files: TlsFiles,
}

impl Tls {
    pub(super) fn new(config: &Config) -> Result<Self, tls::Error> {
        let roots = match &config.ca {
            None => Roots::of_system()?,
            Some(path) => Roots::of(Pem { setting: "mqtt.tls.ca", path })?,
        };
        let pair = config.tls.as_ref().map(|files| files.named("mqtt.tls.cert", "mqtt.tls.key"));
        let alpn: Vec<&[u8]> = config.alpn.iter().map(String::as_bytes).collect();
        let files = TlsFiles { ca: config.ca.clone(), cert: config.tls.as_ref().map(|files| files.cert.clone()) };
        Ok(Self { connector: tls::connector(roots, pair, &alpn)?, files })
    }

    /// TLS over `stream`, whose other end has to prove that it is `name`.
    pub(super) async fn handshake(
        &self,
        name: ServerName<'static>,
        stream: Box<dyn Stream>,
    ) -> Result<TlsStream, LinkError> {
        match self.connector.connect(name, stream).await {
            Ok(stream) => Ok(TlsStream { stream, files: self.files.clone() }),
            Err(error) => Err(LinkError::Transport(of_handshake(error, &self.files))),
        }
    }
}

fn of_handshake(error: io::Error, files: &TlsFiles) -> TransportFault {
    match (Fault::of(&error), error.kind()) {
        (Some(fault), _) => TransportFault::Tls(fault, files.clone()),
        // A peer that takes our greeting for something else says nothing.
        (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            TransportFault::NoHandshake
        }
        (None, _) => TransportFault::Handshake(error),
    }
}

/// What is sent and read is encrypted.
pub(super) struct TlsStream {
    stream: ClientStream<Box<dyn Stream>>,
    files: TlsFiles,
}

impl TlsStream {
    /// Under TLS 1.3 a broker judges our certificate after our side of the handshake has ended.
    fn explained(&self, error: io::Error) -> io::Error {
        match Fault::of(&error) {
            Some(fault) => TransportFault::Tls(fault, self.files.clone()).into(),
            None => error,
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_read(cx, into)) {
            // MQTT knows where its packets end: a broker that says no farewell of TLS has closed the connection.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            read => read.map_err(|error| self.explained(error)),
        })
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
