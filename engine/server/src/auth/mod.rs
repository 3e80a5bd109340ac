//! Who may connect: checks of tokens (JWT, RFC 7519).
//!
//! Invariant: an [`Identity`] is only made from a token whose signature was checked with an algorithm
//! that the configured key is for, that is valid now, and that names a tenant and a role. Tokens and
//! secrets appear in no log, no error and no `Debug` output.

mod claims;
mod config;
mod fetch;
mod jwk;
mod jwks;
mod key;
mod organization;
mod refresh;
mod refusal;
mod sign;
mod verifier;

#[cfg(test)]
mod tests;

pub use claims::Identity;
pub use config::{Config, Places};
pub use fetch::FetchError;
pub use key::KeyError;
pub use refusal::{CHECK_LABELS, Fault, Refusal};
pub use sign::{Grant, sign};
pub use verifier::{TOKEN_BYTES_MAX, Verifier};
