//! Fetches a JWK set over HTTP.
//!
//! Invariant: a fetch ends within its time, takes a bounded amount of memory, follows no redirect, and over https trusts only
//! the system's authorities (`SSL_CERT_FILE` names others).

use std::io;
use std::time::Duration;

use ::http::header::{ACCEPT, CONNECTION, HOST};
use ::http::{Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::tls::{self, Connector, Fault, Roots, ServerName};

/// The largest answer, in bytes. Sets of real providers have some thousands.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no JWK set.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not one of `http` or `https`.
    #[error("expected https://host/path")]
    Url,
    /// No server can be trusted.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The server cannot be reached, or its certificate is not trusted.
    #[error("cannot connect: {0}{hint}", hint = trust(.0))]
    Connect(io::Error),
    /// The exchange broke.
    #[error("no answer: {0}")]
    Http(#[from] hyper::Error),
    /// Another status than 200; a redirect is not followed.
    #[error("the server answered {0}{hint}", hint = redirection(*.0))]
    Status(StatusCode),
    /// The answer is too large.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    BrokenOff(String),
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is not a JWK set (RFC 7517, 5).
    #[error("the answer is not a JWK set: {0}")]
    NotASet(String),
    /// No key in the set can verify a token.
    #[error("the JWK set holds no public key for signatures that could be used")]
    NoKey,
}

fn trust(error: &io::Error) -> &'static str {
    match Fault::of(error) {
        Some(Fault::UnknownIssuer | Fault::Authority) => {
            "; name the file with its authority, or with this very certificate, in SSL_CERT_FILE"
        }
        _ => "",
    }
}

fn redirection(status: StatusCode) -> &'static str {
    if status.is_redirection() {
        "; a redirect is not followed, give the address that it leads to"
    } else {
        ""
    }
}

/// Where the set is fetched.
pub(super) struct Source {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<(Connector, ServerName<'static>)>,
    timeout: Duration,
}

impl Source {
    /// A source at `url`, which has to answer within `timeout`.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
        let host = uri.host().ok_or(FetchError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (default_port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| FetchError::Url)?;
                let connector = tls::connector(Roots::of_system()?, None, &[])?;
                (443, Some((connector, name)))
            }
            _ => return Err(FetchError::Url),
        };
        let port = uri.port_u16().unwrap_or(default_port);
        Ok(Self { uri, host, port, tls, timeout })
    }

    /// Fetches the answer.
    pub(super) async fn get(&self) -> Result<Bytes, FetchError> {
        let answer = tokio::time::timeout(self.timeout, self.connect_and_get()).await;
        answer.unwrap_or(Err(FetchError::Timeout(self.timeout)))
    }

    async fn connect_and_get(&self) -> Result<Bytes, FetchError> {
        let address = (self.host.as_str(), self.port);
        let tcp = TcpStream::connect(address).await.map_err(FetchError::Connect)?;
        match &self.tls {
            None => self.get_over(tcp).await,
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), tcp).await;
                self.get_over(tls.map_err(FetchError::Connect)?).await
            }
        }
    }

    async fn get_over<S>(&self, stream: S) -> Result<Bytes, FetchError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends by itself once the sender and the body are dropped.
        tokio::spawn(connection);
        let answer = sender.send_request(self.request()).await?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(error) => Err(FetchError::BrokenOff(error.to_string())),
        }
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        Request::get(path)
            .header(HOST, host)
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(CONNECTION, "close")
            .body(Empty::new())
            .expect("parts of a URL that was parsed")
    }
}
