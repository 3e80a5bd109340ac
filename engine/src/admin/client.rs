//! The admin API from the outside, as the shell uses it.
//!
//! Invariant: a question is asked once. An answer that does not come in time is an error, and so is an end of the
//! connection while an answer streams.

mod calls;
mod error;
mod json;

use std::time::Duration;

use floodway_proto::admin::v1::admin_client::AdminClient;
use http::Uri;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

/// The messages of the admin API.
pub use floodway_proto::admin::v1 as api;
pub use json::{Json, Named};

pub use error::ClientError;

/// Time to connect.
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
    url: String,
}

/// An answer that streams.
#[derive(Debug)]
pub struct Answers<T> {
    stream: Streaming<T>,
    url: String,
}

impl Client {
    /// Checks that `url` is that of a private listener, `http://host:port`.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn check_url(url: &str) -> Result<(), ClientError> {
        let uri = url.parse::<Uri>().ok();
        let is_right = uri.is_some_and(|uri| {
            uri.scheme_str() == Some("http")
                && uri.port_u16().is_some()
                && uri.path() == "/"
                && uri.query().is_none()
        });
        is_right
            .then_some(())
            .ok_or_else(|| ClientError::Url(url.to_owned()))
    }

    /// Connects to the private listener at `url`, with its token if it has one.
    ///
    /// # Errors
    /// If the URL or the token is none, or nobody listens there.
    pub async fn connect(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        Self::check_url(url)?;
        let credential = token.map(|token| {
            let mut value = MetadataValue::try_from(format!("Bearer {token}"))
                .map_err(|_| ClientError::Token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|_| ClientError::Url(url.to_owned()))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE);
        let channel = endpoint.connect().await;
        Ok(Self {
            calls: AdminClient::new(
                channel.map_err(|error| ClientError::unreachable(url, &error))?,
            ),
            credential: credential.transpose()?,
            url: url.to_owned(),
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

impl<T> Answers<T> {
    /// The next message.
    ///
    /// # Errors
    /// If the gateway ends the answer, or the connection is lost.
    pub async fn next(&mut self) -> Result<T, ClientError> {
        match self.stream.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(ClientError::Ended(self.url.clone())),
            Err(status) => Err(ClientError::of(&self.url, &status)),
        }
    }
}
