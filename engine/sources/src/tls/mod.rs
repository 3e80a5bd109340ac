//! TLS (RFC 8446): certificates and keys from PEM files, and the client's side of a handshake.
//!
//! Invariant: a peer is trusted only if one of the given authorities signed its certificate, or one of the system's if none is
//! given; nothing switches that off. `pinned` explains certificates that signed themselves. Only this module and the one of
//! the listeners know rustls; the others know its streams.

mod client;
mod fault;
mod pinned;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, SecureRandom};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use client::{Roots, connector, distrustful};
pub use fault::{Fault, is_of_handshake};
pub use rustls::pki_types::ServerName;
pub use tokio_rustls::TlsConnector as Connector;
pub use tokio_rustls::client::TlsStream as ClientStream;

/// Where a certificate chain and its key are.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM, leaf first.
    pub cert: PathBuf,
    /// PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// A PEM file, and the setting or the flag that names it.
#[derive(Clone, Copy, Debug)]
pub struct Pem<'a> {
    /// Its name in errors.
    pub setting: &'static str,
    /// Where it is.
    pub path: &'a Path,
}

/// A certificate chain and its key.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The chain, leaf first.
    pub cert: Pem<'a>,
    /// The leaf's key.
    pub key: Pem<'a>,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of a setting can't be read, or does not hold what is needed.
    #[error("{} = \"{}\": {}", .0, .1.display(), .2)]
    File(&'static str, PathBuf, String),
    /// The certificate and the key of two settings do not belong together, or are not supported.
    #[error("{0}: {2}; {1} must be the key of the first certificate in {0}")]
    Pair(&'static str, &'static str, Box<rustls::Error>),
    /// The system has no root certificates, so that no server can be trusted.
    #[error("no root certificates found; install them, or name a file in SSL_CERT_FILE")]
    NoRoots,
}

impl Files {
    /// The two files with their settings.
    pub fn named(&self, cert: &'static str, key: &'static str) -> Pair<'_> {
        Pair {
            cert: Pem { setting: cert, path: &self.cert },
            key: Pem { setting: key, path: &self.key },
        }
    }
}

impl Pem<'_> {
    fn wrong(&self, error: impl ToString) -> Error {
        Error::File(self.setting, self.path.to_owned(), error.to_string())
    }

    /// That the file can't be read says itself; all else is wrong with what is in it.
    fn unread(&self, error: pem::Error) -> Error {
        match error {
            pem::Error::Io(error) => self.wrong(error),
            error => self.wrong(error),
        }
    }

    /// The certificates in it, of which there is one at least.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(self.path).and_then(Iterator::collect);
        let certificates = read.map_err(|error| self.unread(error))?;
        if certificates.is_empty() {
            return Err(self.wrong("holds no certificate"));
        }
        Ok(certificates)
    }

    /// Every certificate in it, taken for an authority's.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn authorities(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| self.wrong(error))?;
        }
        Ok(roots)
    }

    /// The first key in it.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_file(self.path).map_err(|error| self.unread(error))
    }
}

impl Pair<'_> {
    /// That rustls can't use the two together.
    pub fn unfit(&self, error: rustls::Error) -> Error {
        Error::Pair(self.cert.setting, self.key.setting, error.into())
    }
}

/// The cryptography of the whole gateway.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Random bytes that nobody can guess.
///
/// # Panics
/// If the system gives none, without which nothing here is safe.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    static SOURCE: LazyLock<&'static dyn SecureRandom> = LazyLock::new(|| provider().secure_random);
    let mut bytes = [0; N];
    SOURCE.fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
