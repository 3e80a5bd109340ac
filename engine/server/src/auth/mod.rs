//! Checks tokens (JWT, RFC 7519), which say who may connect.
//!
//! Invariant: an [`Identity`] is only made of a token whose signature was checked with an algorithm of the configured key,
//! that is valid now, and that names a tenant and a role. Tokens and secrets appear in no log, error or `Debug` output.
//!
//! The `verifier` has one `key`, or a set of keys (`jwks`, which `fetch` gets and `jwk` reads). It checks the `claims`, among
//! them the `organization`, and gives an identity or a `refusal`. `refresh` does so for a live stream, and `sign` makes
//! tokens to try things out.

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
