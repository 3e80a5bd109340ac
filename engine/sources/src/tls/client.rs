//! The client's side of TLS.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::pinned::PinnedVerifier;
use super::{Connector, Error, Pair, Pem, provider};

/// The certificates by which a client trusts servers.
pub struct Roots {
    authorities: RootCertStore,
    /// Certificates that a server may show as its own.
    pinned: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The authorities in this file, and no others. A server may show one of these certificates as its own.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn of(ca: Pem<'_>) -> Result<Self, Error> {
        Ok(Self { authorities: ca.authorities()?, pinned: ca.certificates()? })
    }

    /// The authorities of the system; `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// If there are none.
    pub fn of_system() -> Result<Self, Error> {
        let mut authorities = RootCertStore::empty();
        let certificates = rustls_native_certs::load_native_certs().certs;
        // A file that was named for this process counts as one of the gateway's own settings.
        let are_named = std::env::var_os("SSL_CERT_FILE").is_some();
        let pinned = if are_named { certificates.clone() } else { Vec::new() };
        authorities.add_parsable_certificates(certificates);
        if authorities.is_empty() {
            return Err(Error::NoRoots);
        }
        Ok(Self { authorities, pinned })
    }

    fn verifier(self) -> PinnedVerifier {
        let authorities = Arc::new(self.authorities);
        let webpki = WebPkiServerVerifier::builder_with_provider(authorities, provider()).build();
        let webpki = webpki.expect("there is an authority, and no list of revocations");
        PinnedVerifier { webpki, pinned: self.pinned }
    }
}

/// The client's side of handshakes. It shows `pair` to servers that ask for a certificate, and offers the protocols of
/// `alpn` (RFC 7301).
///
/// # Errors
/// Names the setting and the file.
pub fn connector(roots: Roots, pair: Option<Pair<'_>>, alpn: &[&[u8]]) -> Result<Connector, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(roots.verifier()));
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = pair.cert.certificates()?;
            let key = pair.key.private_key()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| pair.unfit(error))?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Connector::from(Arc::new(config)))
}

/// The client's side of handshakes that trusts no server: for those that speak TLS only where they meet it, on a system
/// without authorities.
pub fn distrustful() -> Connector {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Connector::from(Arc::new(config))
}
