//! TLS (RFC 8446): certificates and keys from PEM files, and both sides of a handshake.
//!
//! Invariant: a peer is trusted only if one of the given authorities signed its certificate, or one of the system's if none is
//! given; `pinned` explains certificates that signed themselves. Only this module knows rustls; the others know its streams.

mod client;
mod fault;
mod pinned;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use client::{Roots, connector};
pub use fault::Fault;
pub use rustls::ServerConnection;
pub use rustls::pki_types::ServerName;
pub use server::acceptor;
pub use tokio_rustls::client::TlsStream as ClientStream;
pub use tokio_rustls::server::TlsStream as ServerStream;
pub use tokio_rustls::{TlsAcceptor, TlsConnector as Connector};

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
    /// A file can't be read, or does not hold what is needed.
    #[error("{setting} = \"{path}\": {error}")]
    File {
        /// The setting of the file.
        setting: &'static str,
        /// The file.
        path: String,
        /// The cause.
        error: FileError,
    },
    /// Certificate and key do not belong together, or are not supported.
    #[error("{cert}: {error}; {key} must be the key of the first certificate in {cert}")]
    Pair {
        /// The setting of the certificate.
        cert: &'static str,
        /// The setting of the key.
        key: &'static str,
        /// The cause.
        error: Box<rustls::Error>,
    },
    /// The system has no root certificates, so that no server can be trusted.
    #[error("no root certificates found; install them, or name a file in SSL_CERT_FILE")]
    NoRoots,
}

/// What is wrong with a PEM file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error(transparent)]
    Io(io::Error),
    /// It is no PEM, or does not hold what is needed.
    #[error("{0}")]
    Pem(pem::Error),
    /// There is no certificate in it.
    #[error("holds no certificate")]
    Empty,
    /// A certificate in it can't be an authority's.
    #[error("{0}")]
    Authority(Box<rustls::Error>),
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
    fn wrong(&self, error: FileError) -> Error {
        Error::File { setting: self.setting, path: self.path.display().to_string(), error }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(self.path).and_then(Iterator::collect);
        let certificates = read.map_err(|error| self.wrong(error.into()))?;
        if certificates.is_empty() {
            return Err(self.wrong(FileError::Empty));
        }
        Ok(certificates)
    }

    /// Every certificate in it, taken for an authority's.
    fn authorities(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| self.wrong(FileError::Authority(error.into())))?;
        }
        Ok(roots)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_file(self.path).map_err(|error| self.wrong(error.into()))
    }
}

impl Pair<'_> {
    fn unfit(&self, error: rustls::Error) -> Error {
        Error::Pair { cert: self.cert.setting, key: self.key.setting, error: error.into() }
    }
}

impl From<pem::Error> for FileError {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::Io(error) => Self::Io(error),
            error => Self::Pem(error),
        }
    }
}

/// The cryptography of the whole gateway.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
