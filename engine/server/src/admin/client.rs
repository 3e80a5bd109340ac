//! The admin API from the outside, as the shell uses it.
//!
//! Invariant: a question is asked once. An answer that does not come in time is an error, and so is an end of the
//! connection while an answer streams.

mod calls;
mod connect;
mod error;
mod json;

use std::error::Error;
use std::time::Duration;

use floodway_proto::admin::v1::admin_client::AdminClient;
use http::Uri;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

pub use connect::Credentials;
pub use error::ClientError;
/// The messages of the admin API.
pub use floodway_proto::admin::v1 as api;
pub use json::{Json, Named};

use connect::{Connector, Faults};

/// Time to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for an answer, or for the beginning of one that streams. The gateway itself waits for its broker in between.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a connection on which nothing comes is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A connection to one gateway's private listener.
#[derive(Clone, Debug)]
pub struct Client {
    calls: AdminClient<Channel>,
    credential: Option<MetadataValue<Ascii>>,
    peer: Peer,
}

/// An answer that streams.
#[derive(Debug)]
pub struct Answers<T> {
    stream: Streaming<T>,
    peer: Peer,
}

/// The gateway that is asked, as errors name it.
#[derive(Clone, Debug)]
struct Peer {
    url: String,
    faults: Faults,
}

impl Peer {
    fn unreachable(&self, error: &dyn Error) -> ClientError {
        self.explained(ClientError::unreachable(&self.url, error))
    }

    fn refused(&self, status: &Status) -> ClientError {
        self.explained(ClientError::of(&self.url, status))
    }

    /// Of a lost connection the socket may know more.
    fn explained(&self, error: ClientError) -> ClientError {
        match (error, self.faults.latest()) {
            (ClientError::Unreachable { .. }, Some(fault)) => ClientError::Handshake {
                url: self.url.clone(),
                fault,
            },
            (error, _) => error,
        }
    }
}

impl Client {
    /// Checks that `url` is that of a private listener, `http://host:port` or `https://host:port`.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn check_url(url: &str) -> Result<(), ClientError> {
        let uri = url.parse::<Uri>().ok();
        let is_right = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.port_u16().is_some()
                && uri.path() == "/"
                && uri.query().is_none()
        });
        is_right
            .then_some(())
            .ok_or_else(|| ClientError::Url(url.to_owned()))
    }

    /// Connects to the private listener at `url`; over https with the certificates of `credentials`.
    ///
    /// # Errors
    /// If the URL, the token or a file is none, nobody listens there, or the two do not trust each other.
    pub async fn connect(url: &str, credentials: &Credentials) -> Result<Self, ClientError> {
        Self::check_url(url)?;
        let token = credentials.token.as_deref();
        let credential = token.map(bearer).transpose()?;
        let no_url = || ClientError::Url(url.to_owned());
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|_| no_url())?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE);
        let peer = Peer {
            url: url.to_owned(),
            faults: Faults::default(),
        };
        let channel = if endpoint.uri().scheme_str() == Some("https") {
            let connector = Connector::new(endpoint.uri(), credentials, peer.faults.clone())?;
            let connector = connector.ok_or_else(no_url)?;
            endpoint.connect_with_connector(connector).await
        } else {
            endpoint.connect().await
        };
        Ok(Self {
            calls: AdminClient::new(channel.map_err(|error| peer.unreachable(&error))?),
            credential,
            peer,
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(credential) = &self.credential {
            request
                .metadata_mut()
                .insert("authorization", credential.clone());
        }
        request
    }
}

fn bearer(token: &str) -> Result<MetadataValue<Ascii>, ClientError> {
    let value = MetadataValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

impl<T> Answers<T> {
    /// The next message.
    ///
    /// # Errors
    /// If the gateway ends the answer, or the connection is lost.
    pub async fn next(&mut self) -> Result<T, ClientError> {
        match self.stream.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(ClientError::Ended(self.peer.url.clone())),
            Err(status) => Err(self.peer.refused(&status)),
        }
    }
}
