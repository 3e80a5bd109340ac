//! Why a call of the admin API failed, in the words of the command line: errors name flags, not fields of messages.

use std::error::Error;

use tonic::{Code, Status};

use super::GatewayUrl;
use floodway_server::tls::{self, Fault};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the token has characters that can't be sent")]
    Token,
    /// A certificate, or its file, is unusable.
    #[error(transparent)]
    Files(#[from] tls::Error),
    /// One side does not trust the other.
    #[error("{}", of_handshake(.url, .fault))]
    Handshake { url: String, fault: Fault },
    /// Nobody answers.
    #[error(
        "can't reach a gateway at {url}: {cause}; is it running, and is --admin the address of admin.listen, with https \
         where admin.tls.cert is set?"
    )]
    Unreachable { url: String, cause: String },
    #[error("the gateway at {0} does not accept this token; give admin.token by FLOODWAY_ADMIN_TOKEN or --token")]
    Unauthenticated(String),
    #[error(
        "the gateway at {0} accepts this token for reading only; give admin.token by FLOODWAY_ADMIN_TOKEN or --token"
    )]
    ReadOnly(String),
    /// The gateway refuses an argument.
    #[error("{0}")]
    Argument(String),
    #[error(
        "the gateway at {0} does not know this call; it is of another version than this command: see floodway status"
    )]
    Unknown(String),
    /// The gateway ended a streaming answer without a reason.
    #[error("the gateway at {0} ended its answer; is it stopping?")]
    Ended(String),
    /// The gateway answered with an error: its text, or its code if there is none.
    #[error("the gateway at {url} answered: {answer}")]
    Answered { url: String, answer: String },
}

impl ClientError {
    pub(super) fn unreachable(url: &GatewayUrl, error: &dyn Error) -> Self {
        Self::Unreachable { url: url.to_string(), cause: innermost(error) }
    }

    pub(super) fn of(url: &GatewayUrl, status: &Status) -> Self {
        match status.code() {
            Code::Unauthenticated => Self::Unauthenticated(url.to_string()),
            Code::PermissionDenied => Self::ReadOnly(url.to_string()),
            Code::InvalidArgument => Self::Argument(with_flag(status.message())),
            Code::Unimplemented => Self::Unknown(url.to_string()),
            // What the gateway itself says has no cause on this side.
            _ if status.source().is_some() => Self::unreachable(url, status),
            code => Self::Answered {
                url: url.to_string(),
                answer: match status.message() {
                    "" => code.description().to_owned(),
                    text => text.replacen("_id: ", ": ", 1),
                },
            },
        }
    }

    /// Whether what was typed is wrong, and not the gateway or the way to it.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Token | Self::Files(_) | Self::Argument(_))
    }
}

/// The gateway names the field of the message; people typed a flag.
fn with_flag(text: &str) -> String {
    let Some((field, what)) = text.split_once(": ") else {
        return text.to_owned();
    };
    let last = field.rsplit('.').next().unwrap_or(field);
    let last = last.split('[').next().unwrap_or(last);
    const SAME: [&str; 13] = [
        "subject",
        "transport",
        "reason",
        "spread",
        "interval",
        "topic",
        "payload",
        "connections_per_tenant",
        "queue_size",
        "overflow",
        "overflow_allowed",
        "filter_ids",
        "client_messages_per_second",
    ];
    let flag = match last {
        "tenant_id" => "tenant",
        "device_id" | "device_ids" => "device",
        "group_id" | "group_ids" => "group",
        "connection_id" => "connection",
        "metric_names" => "metric",
        "kinds" => "kind",
        _ if SAME.contains(&last) => last,
        _ => return text.to_owned(),
    };
    format!("--{}: {what}", flag.replace('_', "-"))
}

/// Why one side does not trust the other, and the fix.
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
        Fault::Expired(cause) | Fault::NotYetValid(cause) => {
            format!("the gateway at {url} has a certificate that is not valid now: {cause}; are both clocks right?")
        }
        Fault::Certificate(cause) => {
            format!("the gateway at {url} has a certificate that can't be trusted: {cause}")
        }
        Fault::NoTls => {
            format!("what listens at {url} does not speak TLS; set admin.tls.cert there, or give --admin http://…")
        }
        Fault::NoProtocol => format!("what listens at {url} does not speak HTTP/2; is it admin.listen of a gateway?"),
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
mod tests;
