//! Files that are not what they should be, and what an error means; handshakes are tested from end to end.

use std::io::{self, Write};

use rustls::AlertDescription as Alert;
use tempfile::NamedTempFile;

use super::*;

#[test]
fn a_certificate_that_is_none_is_no_authority() {
    let mut broken = NamedTempFile::new().expect("a file");
    let text = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    broken.write_all(text).expect("written");
    let error = Roots::of(Pem { setting: "--admin-ca", path: broken.path() }).err();
    let Some(Error::File("--admin-ca", _, why)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(why, "invalid peer certificate: BadEncoding");
}

#[test]
fn what_only_breaks_off_is_no_fault_of_either() {
    assert_eq!(Fault::of(&io::ErrorKind::ConnectionReset.into()), None);
    let alert = rustls::Error::AlertReceived(Alert::InternalError);
    assert_eq!(Fault::of(&io::Error::other(alert)), None);
}

#[test]
fn an_alert_about_a_certificate_or_a_name_has_a_fault_of_its_own() {
    let fault = |alert| Fault::of(&io::Error::other(rustls::Error::AlertReceived(alert)));
    assert_eq!(fault(Alert::CertificateRequired), Some(Fault::CertificateWanted));
    assert_eq!(fault(Alert::UnknownCA), Some(Fault::CertificateRefused("UnknownCA".to_owned())));
    assert_eq!(fault(Alert::NoApplicationProtocol), Some(Fault::NoProtocol));
    assert!(matches!(fault(Alert::UnrecognisedName), Some(Fault::OtherName(_))));
}
