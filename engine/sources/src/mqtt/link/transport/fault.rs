//! Why there is no byte stream to a broker that TCP has reached, in words and with what to look at.
//!
//! What shows only while MQTT is spoken travels inside an [`io::Error`] to where the link ends.

use std::fmt::{self, Formatter};
use std::io;
use std::path::PathBuf;

use crate::source::Attempt;
use crate::tls::Fault;

/// What TLS was set up with, as far as one side may not like it.
#[derive(Clone, Debug, Default)]
pub(in crate::mqtt) struct TlsFiles {
    /// Setting `mqtt.tls.ca`.
    pub(super) ca: Option<PathBuf>,
    /// Setting `mqtt.tls.cert`.
    pub(super) cert: Option<PathBuf>,
}

/// Why there is no byte stream (any more).
#[derive(Debug, thiserror::Error)]
pub(in crate::mqtt) enum TransportFault {
    #[error("{}", Words(.0, .1))]
    Tls(Fault, TlsFiles),
    #[error(
        "it closed the connection in the TLS handshake; check the port in mqtt.url: it may speak no TLS (mqtt:// or ws://)"
    )]
    NoHandshake,
    #[error("the TLS handshake failed: {0}; its own log may tell why")]
    Handshake(io::Error),
    #[error("it refused the WebSocket: {}", refused(*.0))]
    Refused(u16),
    #[error("it closed the connection without an answer to the WebSocket upgrade; check port and path in mqtt.url")]
    NoUpgrade,
    #[error("what answers there is no WebSocket server: {0}; check mqtt.url")]
    NoWebSocket(String),
    #[error("it has a WebSocket there, but does not speak MQTT in it; check the path in mqtt.url")]
    NoSubprotocol,
    #[error("it broke the WebSocket protocol: {0}")]
    Violation(&'static str),
    #[error("it closed the WebSocket: {1} ({0})")]
    Closed(u16, String),
}

impl TransportFault {
    pub(in crate::mqtt) fn result(&self) -> Attempt {
        match self {
            Self::Tls(Fault::CertificateWanted | Fault::CertificateRefused(_) | Fault::NoProtocol, _) => {
                Attempt::Refused
            }
            Self::Tls(Fault::NoTls, _) => Attempt::Malformed,
            Self::Tls(..) => Attempt::Untrusted,
            Self::Refused(_) => Attempt::Refused,
            Self::NoHandshake | Self::Handshake(_) | Self::NoUpgrade | Self::Closed(..) => Attempt::Broken,
            Self::NoWebSocket(_) | Self::NoSubprotocol | Self::Violation(_) => Attempt::Malformed,
        }
    }
}

impl From<TransportFault> for io::Error {
    fn from(fault: TransportFault) -> Self {
        Self::other(fault)
    }
}

/// A fault of TLS, in words.
struct Words<'a>(&'a Fault, &'a TlsFiles);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(fault, TlsFiles { ca, cert }) = self;
        match (fault, ca, cert) {
            (Fault::UnknownIssuer, Some(ca), _) => {
                write!(f, "no authority in mqtt.tls.ca = \"{}\" vouches for its certificate", ca.display())
            }
            (Fault::UnknownIssuer, None, _) => f.write_str(
                "no authority that this system knows vouches for its certificate; name the file with its authority in mqtt.tls.ca",
            ),
            (Fault::OtherName(cause), ..) => {
                write!(f, "its certificate is for another name: {cause}; give a name that it holds in mqtt.url")
            }
            (Fault::Authority, ..) => f.write_str(
                "its certificate is marked as an authority's (CA:TRUE), as openssl req -x509 makes it; name the file with that \
                 very certificate in mqtt.tls.ca",
            ),
            (Fault::Expired(cause) | Fault::NotYetValid(cause), ..) => {
                write!(f, "its certificate is not valid now: {cause}; renew it there, or set the clock of this machine")
            }
            (Fault::Certificate(cause), ..) => write!(f, "its certificate can't be trusted: {cause}"),
            (Fault::NoTls, ..) => f.write_str(
                "what answers there does not speak TLS; check the port in mqtt.url, or begin it with mqtt:// or ws://",
            ),
            (Fault::NoProtocol, ..) => f.write_str("it speaks no protocol of mqtt.tls.alpn"),
            (Fault::CertificateWanted, _, None) => {
                f.write_str("it demands a client certificate; set mqtt.tls.cert and mqtt.tls.key")
            }
            (Fault::CertificateRefused(alert), _, None) => write!(
                f,
                "it ended the handshake ({alert}); it may demand a client certificate: mqtt.tls.cert and mqtt.tls.key"
            ),
            (Fault::CertificateWanted, _, Some(cert)) => {
                write!(f, "it demands another client certificate than mqtt.tls.cert = \"{}\"", cert.display())
            }
            (Fault::CertificateRefused(alert), _, Some(cert)) => {
                write!(f, "it does not accept the client certificate mqtt.tls.cert = \"{}\" ({alert})", cert.display())
            }
        }
    }
}

/// A status in place of 101 (RFC 6455, 4.1), and what may be behind it.
fn refused(status: u16) -> String {
    let hint = match status {
        300..400 => "a redirect is not followed, give the address that it leads to in mqtt.url",
        401 | 403 | 407 => "it, or a proxy before it, asks for an authorization that floodway does not send",
        404 | 405 => "check the path in mqtt.url",
        400 | 426 => "check port and path in mqtt.url, and whether a proxy before it passes upgrades on",
        500.. => "it is tried again",
        _ => "check mqtt.url",
    };
    format!("status {status}; {hint}")
}
