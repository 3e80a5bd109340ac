//! Files that are not what they should be; handshakes are tested from end to end.

use std::io::{self, Write};

use tempfile::NamedTempFile;

use super::*;

const CERT: &str = "admin.tls.cert";
const KEY: &str = "admin.tls.key";

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn pem<'a>(setting: &'static str, path: &'a Path) -> Pem<'a> {
    Pem { setting, path }
}

fn refused(cert: &Path, key: &Path) -> String {
    let pair = Pair { cert: pem(CERT, cert), key: pem(KEY, key) };
    let error = acceptor(pair, None).err().expect("refused");
    error.to_string()
}

#[test]
fn a_file_that_is_none_is_named_with_its_setting() {
    let missing = Path::new("no/such.pem");
    let text = refused(missing, missing);
    assert!(text.starts_with("admin.tls.cert = \"no/such.pem\": No such file"), "{text}");
    let empty = file("nothing in here\n");
    let text = refused(empty.path(), missing);
    assert!(text.ends_with("holds no certificate"), "{text}");
}

#[test]
fn a_certificate_that_is_none_is_no_authority() {
    let broken = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").into_temp_path();
    let error = Roots::of(pem("--admin-ca", &broken)).err();
    let Some(Error::File("--admin-ca", _, why)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(why, "invalid peer certificate: BadEncoding");
}

#[test]
fn what_only_breaks_off_is_no_fault_of_either() {
    assert_eq!(Fault::of(&io::ErrorKind::ConnectionReset.into()), None);
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::InternalError);
    assert_eq!(Fault::of(&io::Error::other(alert)), None);
}

#[test]
fn an_alert_about_a_certificate_has_a_fault_of_its_own() {
    use rustls::AlertDescription::{CertificateRequired, UnknownCA};
    let fault = |alert| Fault::of(&io::Error::other(rustls::Error::AlertReceived(alert)));
    assert_eq!(fault(CertificateRequired), Some(Fault::CertificateWanted));
    assert_eq!(fault(UnknownCA), Some(Fault::CertificateRefused("UnknownCA".to_owned())));
}
