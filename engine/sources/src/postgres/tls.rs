//! TLS to the database.
//!
//! Invariant: the certificate and the name are verified whenever TLS is spoken, whatever `sslmode` says.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The client's side of handshakes, which trusts the authorities in this file, or those of the system.
///
/// # Errors
/// Says what is wrong with them.
pub(super) fn client(ca: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let wrong = |error: &dyn ToString| {
                format!("postgres.tls.ca = \"{}\": {}", path.display(), error.to_string())
            };
            let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            for certificate in read.map_err(|error| wrong(&error))? {
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"holds no certificate"));
            }
        }
        // A system without any is found out by the first handshake.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What is wrong with the server's side of a handshake, in words, if that is what this error is.
pub(super) fn fault(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no trusted authority signed its certificate; name the authority's file in postgres.tls.ca".to_owned()
        }
        Error::InvalidCertificate(
            error @ (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }),
        ) => {
            format!("its certificate is for another name: {error}; connect by that name in postgres.url")
        }
        Error::InvalidCertificate(error) => format!("its certificate is not valid: {error}"),
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it wants a certificate of ours, which floodway does not have for PostgreSQL; let the user log in by password"
                .to_owned()
        }
        error => format!("TLS failed: {error}"),
    })
}
