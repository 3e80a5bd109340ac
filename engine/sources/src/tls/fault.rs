//! Faults of a handshake that one of the peers can fix.

use std::io;

use super::pinned::is_authority;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a handshake with a server fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No trusted authority signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate is not for the name that was connected to.
    OtherName(String),
    /// The server's certificate is an authority's, and was not given as trusted.
    Authority,
    /// The server's certificate is no longer valid, or the clock of one side is wrong.
    Expired(String),
    /// The server's certificate is not valid yet, or the clock of one side is wrong.
    NotYetValid(String),
    /// The server's certificate is not valid for another reason.
    Certificate(String),
    /// The server does not speak TLS.
    NoTls,
    /// The server wants a certificate, and was shown none.
    CertificateWanted,
    /// The server does not accept the certificate that it was shown.
    CertificateRefused(String),
    /// The server speaks none of the protocols that it was offered (RFC 7301).
    NoProtocol,
}

impl Fault {
    /// The fault behind an error of a client's TLS stream, if it is one of these.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref()? {
            Error::InvalidCertificate(error) => Some(of_certificate(error)),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Self::NoTls),
            Error::AlertReceived(alert) => of_alert(*alert),
            _ => None,
        }
    }
}

/// Whether this is an error of TLS, and not of what carries it.
pub fn is_of_handshake(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>())
}

fn of_certificate(error: &CertificateError) -> Fault {
    match error {
        CertificateError::UnknownIssuer => Fault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::OtherName(error.to_string())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Fault::Expired(error.to_string()),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Fault::NotYetValid(error.to_string())
        }
        _ if is_authority(error) => Fault::Authority,
        _ => Fault::Certificate(error.to_string()),
    }
}

/// The alerts of RFC 8446, 6.2 that concern the receiver's certificate, or the name or protocols that it asked for.
fn of_alert(alert: AlertDescription) -> Option<Fault> {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => Some(Fault::CertificateWanted),
        Alert::UnrecognisedName => Some(Fault::OtherName("the server does not know the name".to_owned())),
        Alert::NoApplicationProtocol => Some(Fault::NoProtocol),
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
