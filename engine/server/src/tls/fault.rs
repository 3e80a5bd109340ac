//! What goes wrong between two peers of which one of them can mend something.

use std::io;

use super::pinned::is_authority;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a client and a server do not come together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody who is trusted vouches for the server's certificate.
    UnknownIssuer,
    /// The server's certificate is not for the name by which it was called.
    OtherName(String),
    /// The server's certificate is an authority's, and not one that was given.
    Authority,
    /// The server's certificate is not valid for another reason.
    Certificate(String),
    /// The server does not speak TLS.
    NoTls,
    /// The server wants a certificate, and was shown none.
    CertificateWanted,
    /// The server does not accept the certificate that it was shown.
    CertificateRefused(String),
}

impl Fault {
    /// The fault that `error` of a client's TLS stream tells of, if it is one of these.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref()? {
            Error::InvalidCertificate(error) => Some(of_certificate(error)),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Self::NoTls),
            Error::AlertReceived(alert) => of_alert(*alert),
            _ => None,
        }
    }
}

fn of_certificate(error: &CertificateError) -> Fault {
    match error {
        CertificateError::UnknownIssuer => Fault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::OtherName(error.to_string())
        }
        _ if is_authority(error) => Fault::Authority,
        _ => Fault::Certificate(error.to_string()),
    }
}

/// Alerts of RFC 8446, 6.2 that concern the certificate of whoever receives them.
fn of_alert(alert: AlertDescription) -> Option<Fault> {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => Some(Fault::CertificateWanted),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => Some(Fault::CertificateRefused(format!("{alert:?}"))),
        _ => None,
    }
}
