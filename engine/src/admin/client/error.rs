//! Why a gateway's admin API gives no answer, in the words of whoever types the command.

use std::error::Error;

use tonic::{Code, Status};

/// Why a gateway's admin API gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not the URL of a private listener.
    #[error("\"{0}\" is not the URL of a gateway's private listener; expected http://host:port")]
    Url(String),
    /// The token has characters that no header can carry.
    #[error("the token has characters that can't be sent")]
    Token,
    /// Nobody answers there.
    #[error(
        "can't reach a gateway at {url}: {cause}; is it running, and is --admin the address of admin.listen?"
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
