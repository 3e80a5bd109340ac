//! TLS to the database: how servers are trusted, and what is wrong with one in words.

use std::io;

use tokio_postgres_rustls::MakeRustlsConnect;

use super::Config;
use crate::tls::{self, Error, Fault, Pem, Roots};

/// What a server may demand that takes its handshake at once (PostgreSQL 17, 55.2.11).
const ALPN: &[&[u8]] = &[b"postgresql"];

/// The client's side of handshakes. Where the system has no roots and none are named, every handshake fails.
///
/// # Errors
/// Names the setting and the file.
pub(super) fn client(config: &Config) -> Result<MakeRustlsConnect, Error> {
    let pair = config.tls.as_ref().map(|files| files.named("postgres.tls.cert", "postgres.tls.key"));
    let roots = match &config.ca {
        Some(path) => Roots::of(Pem { setting: "postgres.tls.ca", path }),
        None => Roots::of_system(),
    };
    let connector = match roots {
        // Most databases on such a system have no TLS, and need none.
        Err(Error::NoRoots) => tls::distrustful(),
        roots => tls::connector(roots?, pair, ALPN)?,
    };
    Ok(MakeRustlsConnect::new(connector.config().as_ref().clone()))
}

/// What is wrong with the server's side of a handshake, in words, if that is what this error is.
pub(super) fn fault(error: &io::Error) -> Option<String> {
    Some(match Fault::of(error)? {
        Fault::UnknownIssuer => {
            "no trusted authority signed its certificate; name the authority's file in postgres.tls.ca".to_owned()
        }
        Fault::Authority => {
            "its certificate is an authority's own; name that certificate's file in postgres.tls.ca".to_owned()
        }
        Fault::OtherName(why) => {
            format!("its certificate is for another name: {why}; connect by that name in postgres.url")
        }
        Fault::Expired(why) | Fault::NotYetValid(why) => {
            format!("its certificate is not valid now: {why}; renew it, or set the clock")
        }
        Fault::Certificate(why) => format!("its certificate is not valid: {why}"),
        Fault::NoTls => "what answers there speaks no TLS; check postgres.url".to_owned(),
        Fault::NoProtocol => "it speaks TLS, and not for PostgreSQL; check postgres.url".to_owned(),
        Fault::CertificateWanted => {
            "it wants a certificate of ours; set postgres.tls.cert and postgres.tls.key".to_owned()
        }
        Fault::CertificateRefused(why) => {
            format!(
                "it does not take the certificate of postgres.tls.cert ({why}); its ssl_ca_file has to name the authority"
            )
        }
    })
}
