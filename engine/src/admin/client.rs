//! The admin API from the outside, as the shell uses it.

use std::error::Error;
use std::time::Duration;

use floodway_proto::admin::v1::GetStatusRequest;
use floodway_proto::admin::v1::admin_client::AdminClient;
use http::Uri;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::status::Status;

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a gateway's admin API gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not the URL of a private listener.
    #[error("\"{0}\" is not the URL of a gateway's private listener; expected http://host:port")]
    Url(String),
    /// The token has characters that no header can carry.
    #[error("the token has characters that can't be sent")]
    Token,
    /// Nobody answers there.
    #[error(
        "can't reach a gateway at {url}: {cause}; is it running, and is --admin the address of admin.listen?"
    )]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// No token was given, or a wrong one.
    #[error(
        "the gateway at {0} does not accept this token; give admin.token by FLOODWAY_ADMIN_TOKEN or --token"
    )]
    Unauthenticated(String),
    /// It answered with an error.
    #[error("the gateway at {url} answered: {answer}")]
    Answered {
        /// Who answered.
        url: String,
        /// Its code and text.
        answer: String,
    },
}

/// A connection to one gateway's private listener.
#[derive(Debug)]
pub struct Client {
    calls: AdminClient<Channel>,
    credential: Option<MetadataValue<Ascii>>,
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
            .timeout(ANSWER_TIMEOUT);
        let channel = endpoint.connect().await;
        Ok(Self {
            calls: AdminClient::new(channel.map_err(|error| unreachable(url, &error))?),
            credential: credential.transpose()?,
            url: url.to_owned(),
        })
    }

    /// How the gateway does now.
    ///
    /// # Errors
    /// If it does not answer, or not with a status.
    pub async fn status(&mut self) -> Result<Status, ClientError> {
        let request = self.request(GetStatusRequest::default());
        let answer = self.calls.get_status(request).await;
        let answer = answer.map_err(|status| self.refused(&status))?;
        Ok(answer.into_inner().status.unwrap_or_default().into())
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

    fn refused(&self, status: &tonic::Status) -> ClientError {
        let url = self.url.clone();
        match status.code() {
            Code::Unauthenticated => ClientError::Unauthenticated(url),
            Code::Unavailable => unreachable(&url, status),
            code => ClientError::Answered {
                url,
                answer: format!("{code:?}: {}", status.message()),
            },
        }
    }
}

/// The innermost cause says most: "Connection refused" rather than "transport error".
fn unreachable(url: &str, error: &dyn Error) -> ClientError {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    ClientError::Unreachable {
        url: url.to_owned(),
        cause: innermost.to_string(),
    }
}
