//! Why a gateway's admin API gives no answer, in the words of whoever types the command.

use std::error::Error;

use tonic::{Code, Status};

use crate::tls::{self, Fault};

/// Why a gateway's admin API gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not the URL of a private listener.
    #[error(
        "\"{0}\" is not the URL of a gateway's private listener; expected http://host:port, or https://host:port"
    )]
    Url(String),
    /// The token has characters that no header can carry.
    #[error("the token has characters that can't be sent")]
    Token,
    /// Certificates, or their files, are not what they are to be.
    #[error(transparent)]
    Files(#[from] tls::Error),
    /// The two do not trust each other.
    #[error("{}", of_handshake(.url, .fault))]
    Handshake {
        /// Who was spoken to.
        url: String,
        /// What is in the way.
        fault: Fault,
    },
    /// Nobody answers there.
    #[error(
        "can't reach a gateway at {url}: {cause}; is it running, and is --admin the address of admin.listen, with https \
         where admin.tls.cert is set?"
    )]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// No token was given, or a wrong one.
    #[error(
        "the gateway at {0} does not accept this token; give admin.token by FLOODWAY_ADMIN_TOKEN or --token"
    )]
    Unauthenticated(String),
    /// The token is for reading only.
    #[error(
        "the gateway at {0} accepts this token for reading only; give admin.token by FLOODWAY_ADMIN_TOKEN or --token"
    )]
    ReadOnly(String),
    /// It can't do what it was asked for with these arguments.
    #[error("{0}")]
    Argument(String),
    /// It has no such call.
    #[error(
        "the gateway at {0} does not know this call; it is of another version than this command: see floodway status"
    )]
    Unknown(String),
    /// It ended an answer that streams without saying why.
    #[error("the gateway at {0} ended its answer; is it stopping?")]
    Ended(String),
    /// It answered with an error.
    #[error("the gateway at {url} answered: {answer}")]
    Answered {
        /// Who answered.
        url: String,
        /// Its text, or its code if there is none.
        answer: String,
    },
}

impl ClientError {
    pub(super) fn unreachable(url: &str, error: &dyn Error) -> Self {
        Self::Unreachable {
            url: url.to_owned(),
            cause: innermost(error),
        }
    }

    pub(super) fn of(url: &str, status: &Status) -> Self {
        let url = url.to_owned();
        match status.code() {
            Code::Unauthenticated => Self::Unauthenticated(url),
            Code::PermissionDenied => Self::ReadOnly(url),
            Code::InvalidArgument => Self::Argument(status.message().to_owned()),
            Code::Unimplemented => Self::Unknown(url),
            // What the gateway itself says has no cause on this side.
            _ if status.source().is_some() => Self::unreachable(&url, status),
            code if status.message().is_empty() => Self::Answered {
                url,
                answer: code.description().to_owned(),
            },
            _ => Self::Answered {
                url,
                answer: status.message().to_owned(),
            },
        }
    }
}

/// Why the two do not trust each other, and what is to be done.
fn of_handshake(url: &str, fault: &Fault) -> String {
    match fault {
        Fault::UnknownIssuer => format!(
            "the gateway at {url} has a certificate from an issuer that is not known here; give the issuer's with \
             --admin-ca (FLOODWAY_ADMIN_CA)"
        ),
        Fault::OtherName(cause) => format!(
            "the gateway at {url} has a certificate for another name: {cause}; give a name that it holds in --admin, or \
             make one that holds this name (openssl req -x509 … -addext subjectAltName=DNS:NAME)"
        ),
        Fault::Authority => format!(
            "the gateway at {url} has a certificate that is marked as an authority's (CA:TRUE), as openssl req -x509 makes \
             it; give that very certificate with --admin-ca (FLOODWAY_ADMIN_CA)"
        ),
        Fault::Certificate(cause) => {
            format!("the gateway at {url} has a certificate that can't be trusted: {cause}")
        }
        Fault::NoTls => {
            format!(
                "what listens at {url} does not speak TLS; set admin.tls.cert there, or give --admin http://…"
            )
        }
        Fault::CertificateWanted => format!(
            "the gateway at {url} wants a client certificate; give it with --admin-cert and --admin-key \
             (FLOODWAY_ADMIN_CERT, FLOODWAY_ADMIN_KEY)"
        ),
        Fault::CertificateRefused(alert) => format!(
            "the gateway at {url} does not accept the client certificate ({alert}); give one with --admin-cert that its \
             admin.tls.client_ca vouches for"
        ),
    }
}

/// The innermost cause says most: "Connection refused" rather than "transport error".
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_that_fails_tells_the_mend() {
        for (fault, mend) in [
            (Fault::UnknownIssuer, "--admin-ca"),
            (Fault::OtherName("not a".to_owned()), "not a"),
            (Fault::Certificate("expired".to_owned()), "expired"),
            (Fault::Authority, "--admin-ca"),
            (Fault::NoTls, "admin.tls.cert"),
            (Fault::CertificateWanted, "--admin-cert and --admin-key"),
            (
                Fault::CertificateRefused("UnknownCA".to_owned()),
                "client_ca",
            ),
        ] {
            let url = "https://h:1".to_owned();
            let told = ClientError::Handshake { url, fault }.to_string();
            assert!(
                told.contains("https://h:1") && told.contains(mend),
                "{told}"
            );
        }
    }

    #[test]
    fn an_answer_tells_the_mend_or_what_the_gateway_said() {
        let told = |status: Status| ClientError::of("http://h:1", &status).to_string();
        let wrong_token = told(Status::unauthenticated("no"));
        assert!(wrong_token.contains("--token"), "{wrong_token}");
        let read_only = told(Status::permission_denied("no"));
        assert!(read_only.contains("reading only"), "{read_only}");
        assert_eq!(
            told(Status::unavailable("no broker is connected")),
            "the gateway at http://h:1 answered: no broker is connected"
        );
        assert_eq!(
            told(Status::invalid_argument("reason: too long")),
            "reason: too long"
        );
    }
}
