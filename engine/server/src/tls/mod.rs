//! TLS (RFC 8446): certificates and keys from PEM files, and both sides of a handshake.
//!
//! Invariant: nobody is trusted but who a given authority vouches for, or else the system's roots; what vouches for itself
//! is explained in `pinned`. Only this module knows rustls; the others know its streams.

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
    /// What errors call it.
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

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that can't be read, or holds nothing of the kind.
    #[error("{setting} = \"{path}\": {error}")]
    File {
        /// What names the file.
        setting: &'static str,
        /// The file.
        path: String,
        /// The cause.
        error: FileError,
    },
    /// Certificate and key that do not go together, or are not supported.
    #[error("{cert}: {error}; {key} must be the key of the first certificate in {cert}")]
    Pair {
        /// What names the certificate.
        cert: &'static str,
        /// What names the key.
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
    /// It is no PEM, or nothing in it is what was looked for.
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
    /// The two, with what names them.
    pub fn named(&self, cert: &'static str, key: &'static str) -> Pair<'_> {
        Pair {
            cert: Pem {
                setting: cert,
                path: &self.cert,
            },
            key: Pem {
                setting: key,
                path: &self.key,
            },
        }
    }
}

impl Pem<'_> {
    fn wrong(&self, error: FileError) -> Error {
        Error::File {
            setting: self.setting,
            path: self.path.display().to_string(),
            error,
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(self.path).and_then(Iterator::collect);
        let certificates = read.map_err(|error| self.wrong(error.into()))?;
        if certificates.is_empty() {
            return Err(self.wrong(FileError::Empty));
        }
        Ok(certificates)
    }

    /// Every certificate in it, as an authority.
    fn authorities(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots
                .add(certificate)
                .map_err(|error| self.wrong(FileError::Authority(error.into())))?;
        }
        Ok(roots)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_file(self.path).map_err(|error| self.wrong(error.into()))
    }
}

impl Pair<'_> {
    fn unfit(&self, error: rustls::Error) -> Error {
        Error::Pair {
            cert: self.cert.setting,
            key: self.key.setting,
            error: error.into(),
        }
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

/// What all cryptography of the gateway is done with.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
