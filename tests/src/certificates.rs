//! Certificates for tests: an authority, and those for whom it vouches.

use std::ops::Range;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// An authority of a test's own. Its files go with it.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in files of their authority's folder.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Identity {
    /// A certificate that vouches for itself, as `openssl req -x509` makes it: an authority's and a server's in one.
    pub fn own(folder: &Path, names: &[&str], years: Range<i32>) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let path = |file: &str| folder.join(file).display().to_string();
        let identity = Self { cert: path("own.pem"), key: path("own.key.pem") };
        write(Path::new(&identity.cert), &certificate.pem());
        write(Path::new(&identity.key), &key.serialize_pem());
        identity
    }
}

impl Authority {
    /// An authority that nobody knows yet.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        write(&folder.path().join("ca.pem"), &certificate.pem());
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// The file with its own certificate.
    pub fn file(&self) -> String {
        self.path("ca.pem")
    }

    /// Vouches for a server of these names and addresses, or for a client.
    pub fn vouch(&self, names: &[&str]) -> Identity {
        self.vouch_within(names, 2000..2100)
    }

    /// The same from the first day of one year to that of another.
    pub fn vouch_within(&self, names: &[&str], years: Range<i32>) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let file = names.first().expect("a name").clone();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let identity = Identity {
            cert: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key.pem")),
        };
        write(Path::new(&identity.cert), &certificate.pem());
        write(Path::new(&identity.key), &key.serialize_pem());
        identity
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it is written");
}
