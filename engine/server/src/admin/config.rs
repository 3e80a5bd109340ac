//! Settings of the private listener.

use std::path::PathBuf;

use crate::tls::{self, Pem, TlsAcceptor};

/// The private listener: gRPC, metrics and the operator's page. Has no `Debug`: it holds secrets.
#[derive(Clone)]
pub struct Config {
    /// `admin.listen`: address and port. Default `127.0.0.1:9090`. An address that other machines
    /// reach needs `token` or `client_ca`.
    pub listen: String,
    /// `admin.token`: what clients send as `authorization: Bearer TOKEN`. Default none. Never shown.
    pub token: Option<String>,
    /// `admin.read_token`: likewise, for clients that may read and change nothing. Default none. Never shown.
    pub read_token: Option<String>,
    /// `admin.tls.cert` and `admin.tls.key`: PEM files, both or neither. Default none: plain TCP.
    pub tls: Option<tls::Files>,
    /// `admin.tls.client_ca`: PEM file with the authorities one of which must vouch for a client's certificate. Default
    /// none: clients need no certificate. A token that is set is needed all the same.
    pub client_ca: Option<PathBuf>,
    /// `admin.metrics_tenants`: tenants that `/metrics/tenants` names, the busiest. Default 100. Each is six series;
    /// 0 names none.
    pub metrics_tenants: usize,
}

impl Config {
    /// The server's side of TLS, if there is to be TLS.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn acceptor(&self) -> Result<Option<TlsAcceptor>, tls::Error> {
        let client_ca = self.client_ca.as_deref().map(|path| Pem { setting: "admin.tls.client_ca", path });
        let accept = |files: &tls::Files| tls::acceptor(files.named("admin.tls.cert", "admin.tls.key"), client_ca);
        self.tls.as_ref().map(accept).transpose()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9090".to_owned(),
            token: None,
            read_token: None,
            tls: None,
            client_ca: None,
            metrics_tenants: 100,
        }
    }
}
