//! Why a token is not accepted: what the client reads, and what only the operator does.

use std::fmt;

use floodway_protocol::ends::EndReason;

/// One value gives the text, the close code and the HTTP status ([`Refusal::reason`]), the label of the check that
/// failed, and the diagnosis for an operator. None of these holds anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// There was no token.
    Missing,
    /// Not a token, not signed with our key, expired, not valid yet, or for someone else. The client does not read which.
    Invalid(Fault),
    /// The token can't be judged: the keys were never fetched, or not since it named a new one.
    NoKeys,
    /// The token names no tenant, or one that may not be part of a topic. The text says what it names instead.
    #[strum(serialize = "tenant")]
    NoTenant(&'static str),
    /// The token does not name the tenant that was asked for.
    OtherTenant,
    /// The token has none of the configured roles.
    Role,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherTenant => "Token is for another tenant",
            _ => self.reason().row().text,
        })
    }
}

impl std::error::Error for Refusal {}

/// Which check of a token failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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
    /// Its row of the table of ends.
    pub fn reason(self) -> EndReason {
        match self {
            Self::Missing => EndReason::NoToken,
            Self::Invalid(_) => EndReason::BadToken,
            Self::NoTenant(_) | Self::OtherTenant => EndReason::NoTenant,
            Self::Role => EndReason::Role,
            Self::NoKeys => EndReason::NoKeys,
        }
    }

    /// Whether the token may be good some seconds later, when its key was fetched.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::NoKeys | Self::Invalid(Fault::UnknownKey))
    }

    /// The label of the check that failed, one of [`CHECK_LABELS`]; none where there was no token.
    pub fn check(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Invalid(fault) => Some(fault.into()),
            refusal => Some(refusal.into()),
        }
    }

    /// What an operator reads besides: which claim it is, and what is wrong with it.
    pub fn diagnosis(self) -> Option<String> {
        Some(match self {
            Self::Missing => return None,
            Self::Invalid(fault) => fault.to_string(),
            Self::NoKeys => "auth.jwks_url has not answered".to_owned(),
            Self::NoTenant(why) => why.to_owned(),
            Self::OtherTenant => "the tenant that was asked for is not one of the token's".to_owned(),
            Self::Role => "realm_access.roles holds none of auth.roles".to_owned(),
        })
    }
}
