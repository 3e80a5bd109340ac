//! The server's side of TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;

use super::{Error, Pair, Pem, TlsAcceptor, provider};

/// The listener's side of handshakes, with HTTP/2 or HTTP/1.1 by ALPN (RFC 7301). With `client_ca`, a client without a
/// certificate from one of its authorities is refused.
///
/// # Errors
/// Names the setting and the file.
pub fn acceptor(pair: Pair<'_>, client_ca: Option<Pem<'_>>) -> Result<TlsAcceptor, Error> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version");
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(ca.authorities()?), provider()).build();
            builder.with_client_cert_verifier(verifier.expect("there is an authority, and no list of revocations"))
        }
    };
    let (chain, key) = (pair.cert.certificates()?, pair.key.private_key()?);
    let mut config = builder.with_single_cert(chain, key).map_err(|error| pair.unfit(error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
