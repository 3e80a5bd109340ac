//! Settings of the private listener.

use std::fmt;

/// The private listener: gRPC, metrics and the operator's page.
#[derive(Clone)]
pub struct Config {
    /// `admin.listen`: address and port. Default `127.0.0.1:9090`. An address that other machines
    /// reach needs `token`.
    pub listen: String,
    /// `admin.token`: what clients send as `authorization: Bearer TOKEN`. Default none. Never shown.
    pub token: Option<String>,
    /// `admin.read_token`: likewise, for those who may look and change nothing. Default none. Never shown.
    pub read_token: Option<String>,
    /// `admin.metrics_tenants`: tenants that `/metrics/tenants` names, the busiest. Default 100. Each is six series
    /// to whoever keeps them; 0 names none.
    pub metrics_tenants: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9090".to_owned(),
            token: None,
            read_token: None,
            metrics_tenants: 100,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "********"))
            .field("read_token", &self.read_token.as_ref().map(|_| "********"))
            .field("metrics_tenants", &self.metrics_tenants)
            .finish()
    }
}
