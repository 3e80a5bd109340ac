//! Why a token was not accepted: what the client is told, and what only the operator is.

/// One value gives the text, the WebSocket close code and the HTTP status, the label of the check that failed, and the
/// diagnosis of an operator. Neither of these holds anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There was no token.
    #[error("Missing token parameter")]
    Missing,
    /// Not a token, not signed with our key, expired, not valid yet, or for someone else. Which of
    /// these is not told to the client.
    #[error("Invalid or expired token")]
    Invalid(Fault),
    /// The token can't be judged: the keys were never fetched, or not since it named a new one.
    #[error("Verification keys unavailable")]
    NoKeys,
    /// The token names no tenant, or one that may not be part of a topic. The text says what it names instead.
    #[error("No tenant_id in token")]
    NoTenant(&'static str),
    /// The token does not name the tenant that was asked for.
    #[error("Token is for another tenant")]
    OtherTenant,
    /// The token has none of the configured roles.
    #[error("Unauthorized role")]
    Role,
}

/// Which check of a token failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no JWT (RFC 7519, 7.2), or one with an extension that is not known.
    #[error("{0}")]
    Malformed(&'static str),
    /// It names an algorithm that its key is not for.
    #[error("the algorithm (alg) is not one that the key is for")]
    Algorithm,
    /// It names a key that the provider does not have.
    #[error("no key of the JWK set is the one that it names (kid), or that signed it")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature is not that of the key")]
    Signature,
    /// `exp` is past.
    #[error("exp is past: the token has expired, or this machine's clock is ahead")]
    Expired,
    /// `nbf` is still to come.
    #[error("nbf is still to come: the token is not valid yet, or this machine's clock is behind")]
    NotYetValid,
    /// `iss` is not `auth.issuer`.
    #[error("iss is not auth.issuer")]
    Issuer,
    /// `aud` is not `auth.audience`.
    #[error("aud does not hold auth.audience")]
    Audience,
    /// A claim is missing, or not of its type.
    #[error("{0}")]
    Claims(&'static str),
}

/// The labels of all checks, in the order in which they are counted.
pub const CHECK_LABELS: [&str; 13] = [
    "malformed",
    "algorithm",
    "unknown_key",
    "signature",
    "expired",
    "not_yet_valid",
    "issuer",
    "audience",
    "claims",
    "no_keys",
    "tenant",
    "other_tenant",
    "role",
];

impl Refusal {
    /// The code that closes a WebSocket.
    pub fn close_code(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid(_) => 4001,
            Self::NoTenant(_) | Self::OtherTenant | Self::Role => 4003,
            Self::NoKeys => 1013,
        }
    }

    /// The status of an HTTP answer (RFC 9110, 15.5 and 15.6).
    pub fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid(_) => 401,
            Self::NoTenant(_) | Self::OtherTenant | Self::Role => 403,
            Self::NoKeys => 503,
        }
    }

    /// Whether the token may be good some seconds later, when its key was fetched.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::NoKeys | Self::Invalid(Fault::UnknownKey))
    }

    /// The place of the check that failed in [`CHECK_LABELS`]; none where there was no token.
    pub fn check(self) -> Option<usize> {
        Some(match self {
            Self::Missing => return None,
            Self::Invalid(Fault::Malformed(_)) => 0,
            Self::Invalid(Fault::Algorithm) => 1,
            Self::Invalid(Fault::UnknownKey) => 2,
            Self::Invalid(Fault::Signature) => 3,
            Self::Invalid(Fault::Expired) => 4,
            Self::Invalid(Fault::NotYetValid) => 5,
            Self::Invalid(Fault::Issuer) => 6,
            Self::Invalid(Fault::Audience) => 7,
            Self::Invalid(Fault::Claims(_)) => 8,
            Self::NoKeys => 9,
            Self::NoTenant(_) => 10,
            Self::OtherTenant => 11,
            Self::Role => 12,
        })
    }

    /// What an operator is told besides: which claim it is, and what is wrong with it.
    pub fn diagnosis(self) -> Option<String> {
        Some(match self {
            Self::Missing => return None,
            Self::Invalid(fault) => fault.to_string(),
            Self::NoKeys => "auth.jwks_url has not answered".to_owned(),
            Self::NoTenant(why) => why.to_owned(),
            Self::OtherTenant => {
                "the tenant that was asked for is not one of the token's".to_owned()
            }
            Self::Role => "realm_access.roles holds none of auth.roles".to_owned(),
        })
    }
}
