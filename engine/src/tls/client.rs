//! The client's side of TLS.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::{Connector, Error, Pair, Pem, provider};

/// Who a client trusts to vouch for servers.
pub struct Roots(RootCertStore);

impl Roots {
    /// The authorities in this file, and no others.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn of(ca: Pem<'_>) -> Result<Self, Error> {
        ca.authorities().map(Self)
    }

    /// Those of the system; `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// If there are none.
    pub fn of_system() -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Error::NoRoots);
        }
        Ok(Self(roots))
    }
}

/// A client's side of handshakes, which shows `pair` to servers that ask for a certificate, and offers the protocols of
/// `alpn` (RFC 7301).
///
/// # Errors
/// Names the setting and the file.
pub fn connector(roots: Roots, pair: Option<Pair<'_>>, alpn: &[&[u8]]) -> Result<Connector, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version")
        .with_root_certificates(roots.0);
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = pair.cert.certificates()?;
            let key = pair.key.private_key()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| pair.unfit(error))?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Connector::from(Arc::new(config)))
}
