//! How the shell reaches a private listener over TLS.
//!
//! With TLS 1.3 a gateway refuses a client certificate only after the handshake, while the first answer is awaited, and
//! gRPC turns that into a text. So the socket keeps its own error here.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint, Error};
use tower::service_fn;

use super::GatewayUrl;
use floodway_server::tls::{self, Fault, Files, Pem, Roots, ServerName};

/// How a client identifies itself, and which authorities it trusts.
#[derive(Default)]
pub(crate) struct Credentials {
    /// `admin.token` or `admin.read_token` of the gateway.
    pub(crate) token: Option<String>,
    /// PEM file with the authorities that vouch for the gateway's certificate; none: the system's.
    pub(crate) ca: Option<PathBuf>,
    /// The client's own certificate and its key.
    pub(crate) identity: Option<Files>,
}

impl Credentials {
    pub(super) fn connector(&self) -> Result<tls::Connector, tls::Error> {
        let roots = match &self.ca {
            None => Roots::of_system()?,
            Some(path) => Roots::of(Pem { setting: "--admin-ca", path })?,
        };
        let pair = self.identity.as_ref();
        let pair = pair.map(|files| files.named("--admin-cert", "--admin-key"));
        tls::connector(roots, pair, &[b"h2"])
    }
}

/// Why the latest connection failed, if the user can fix it.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Mutex<Option<Fault>>>);

impl Faults {
    pub(super) fn latest(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// Connects `endpoint` over TLS to the gateway at `url`, which has to prove that it is `name`.
pub(super) async fn connect(
    endpoint: Endpoint,
    url: &GatewayUrl,
    name: ServerName<'static>,
    tls: tls::Connector,
    faults: Faults,
) -> Result<Channel, Error> {
    let url = url.clone();
    let open = move |_: Uri| {
        let (url, name, tls, faults) = (url.clone(), name.clone(), tls.clone(), faults.clone());
        async move {
            faults.set(None);
            let socket = TcpStream::connect(url.address()).await?;
            // Without it requests are only later, not wrong.
            let _ = socket.set_nodelay(true);
            let handshake = tls.connect(name, socket).await;
            let stream = handshake.inspect_err(|error| faults.set(Fault::of(error)))?;
            let (reader, writer) = tokio::io::split(stream);
            let reader = Watched { reader, faults };
            Ok::<_, io::Error>(TokioIo::new(tokio::io::join(reader, writer)))
        }
    };
    endpoint.connect_with_connector(service_fn(open)).await
}

/// Reads, and keeps why reading failed.
struct Watched<R> {
    reader: R,
    faults: Faults,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.reader).poll_read(cx, into));
        Poll::Ready(read.inspect_err(|error| self.faults.set(Fault::of(error))))
    }
}
