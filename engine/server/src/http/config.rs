//! Settings of the public listener.

use std::time::Duration;

use crate::tls::{self, TlsAcceptor};

/// The public listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// `http.listen`: address and port. Default `0.0.0.0:8080`.
    pub listen: String,
    /// `http.tls.cert` and `http.tls.key`: PEM files, both or neither. Default none: plain TCP.
    pub tls: Option<tls::Files>,
    /// `http.allowed_origins`: origins such as `https://app.example`, or `*`, that may connect besides the same origin
    /// and clients that send none (RFC 6454). Default empty.
    pub allowed_origins: Vec<String>,
    /// `http.live_page`: whether the page that shows streams is served at `/`. Default false. It needs a token like any client.
    pub live_page: bool,
    /// `http.header_bytes`: the largest request head. Default 16 KiB; at least 8 KiB. Beyond it: 431.
    pub header_bytes: usize,
    /// `http.header_timeout_seconds`: for TLS and the request head, and for an idle connection. Default 10 s.
    pub header_timeout: Duration,
    /// `http.pending`: connections that are not streams (yet). Default 1,024; a further one cuts the oldest on which no request
    /// is being answered.
    pub pending: usize,
    /// `http.retry_after_seconds`: when refused clients shall come back. Default 5 s.
    pub retry_after: Duration,
    /// `http.drain_seconds`: the longest drain; what is not flushed then is cut. Default 10 s.
    pub drain: Duration,
    /// `http.drain_spread_seconds`: clients shall come back after a random part of this. Default 5 s.
    pub drain_spread: Duration,
}

impl Config {
    /// The server's side of TLS, if there is to be TLS.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn acceptor(&self) -> Result<Option<TlsAcceptor>, tls::Error> {
        let accept = |files: &tls::Files| tls::acceptor(files.named("http.tls.cert", "http.tls.key"), None);
        self.tls.as_ref().map(accept).transpose()
    }

    /// The bytes of a request head that are read: more than `header_bytes`, so that an answer in words, or the close of a
    /// WebSocket, can say that the head is too large.
    pub(super) fn read_head_bytes(&self) -> usize {
        2 * self.header_bytes
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:8080".to_owned(),
            tls: None,
            allowed_origins: Vec::new(),
            live_page: false,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            pending: 1024,
            retry_after: Duration::from_secs(5),
            drain: Duration::from_secs(10),
            drain_spread: Duration::from_secs(5),
        }
    }
}
