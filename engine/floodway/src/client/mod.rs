//! The admin API as the shell uses it: the generated client, how it connects, and its errors and JSON.
//!
//! Invariant: a call is made once. An answer that does not come in time is an error, and so is the end of the
//! connection while an answer streams.

mod error;
mod json;
#[cfg(test)]
mod tests;
mod tls;

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use floodway_proto::admin::v1::admin_client::AdminClient;
use http::Uri;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub(crate) use error::ClientError;
pub(crate) use json::Json;
pub(crate) use tls::Credentials;

use floodway_server::tls::ServerName;
use tls::Faults;

/// Time to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for an answer, or for the beginning of one that streams. The gateway itself waits for its broker in between.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a connection on which nothing comes is checked.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The generated client, with the token in every request. Cheap to clone.
pub(crate) type Client = AdminClient<InterceptedService<Channel, Bearer>>;

/// The URL of a private listener: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug)]
pub(crate) struct GatewayUrl {
    /// As it was typed.
    text: String,
    uri: Uri,
}

impl GatewayUrl {
    /// Host and port; an IPv6 address stands without its brackets.
    fn address(&self) -> (&str, u16) {
        let host = self.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host, self.uri.port_u16().unwrap_or_default())
    }

    /// The name that the certificate has to hold; none over plain HTTP.
    fn server_name(&self) -> Option<ServerName<'static>> {
        let is_https = self.uri.scheme_str() == Some("https");
        let name = ServerName::try_from(self.address().0.to_owned()).ok();
        name.filter(|_| is_https)
    }

    fn is_right(&self) -> bool {
        let is_known = match self.uri.scheme_str() {
            Some("http") => true,
            Some("https") => self.server_name().is_some(),
            _ => false,
        };
        let is_bare = self.uri.path() == "/" && self.uri.query().is_none();
        is_known && is_bare && self.uri.port_u16().is_some()
    }
}

impl FromStr for GatewayUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = text.parse().ok().map(|uri| Self { text: text.to_owned(), uri });
        url.filter(Self::is_right).ok_or("expected http://host:port, or https://host:port")
    }
}

impl std::fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The token, as the header that carries it.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    fn new(token: Option<&str>) -> Result<Self, ClientError> {
        let header = token.map(|token| MetadataValue::try_from(format!("Bearer {token}")));
        let mut header = header.transpose().map_err(|_| ClientError::Token)?;
        if let Some(header) = &mut header {
            header.set_sensitive(true);
        }
        Ok(Self(header))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", header.clone());
        }
        Ok(request)
    }
}

/// The gateway at the other end, which explains what went wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    url: GatewayUrl,
    faults: Faults,
}

impl Peer {
    /// A call failed with this status.
    pub(crate) fn refused(&self, status: &Status) -> ClientError {
        self.explained(ClientError::of(&self.url, status))
    }

    /// A streaming answer ended without a reason.
    pub(crate) fn ended(&self) -> ClientError {
        ClientError::Ended(self.url.to_string())
    }

    fn unreachable(&self, error: &dyn Error) -> ClientError {
        self.explained(ClientError::unreachable(&self.url, error))
    }

    /// The socket may know more of a lost connection.
    fn explained(&self, error: ClientError) -> ClientError {
        match (error, self.faults.latest()) {
            (ClientError::Unreachable { url, .. }, Some(fault)) => ClientError::Handshake { url, fault },
            (error, _) => error,
        }
    }
}

/// Connects to the private listener at `url`; over https with the certificates of `credentials`.
pub(crate) async fn connect(url: &GatewayUrl, credentials: &Credentials) -> Result<(Client, Peer), ClientError> {
    let bearer = Bearer::new(credentials.token.as_deref())?;
    let endpoint = Endpoint::from(url.uri.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE);
    let peer = Peer { url: url.clone(), faults: Faults::default() };
    let channel = match url.server_name() {
        Some(name) => {
            let tls = credentials.connector()?;
            tls::connect(endpoint, url, name, tls, peer.faults.clone()).await
        }
        None => endpoint.connect().await,
    };
    let channel = channel.map_err(|error| peer.unreachable(&error))?;
    Ok((AdminClient::with_interceptor(channel, bearer), peer))
}
