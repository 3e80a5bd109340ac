//! Who may come in, and by which door: tokens, TLS, the public and the private listener, and the gateway of all parts.
//!
//! [`auth`] checks tokens, [`http`] lets subscribers in, [`admin`] is
//! the private listener, [`gateway`] starts and drains everything. It knows the core, the sources and the admin API's
//! messages; no command and no configuration file.

pub mod admin;
pub mod auth;
mod bearer;
mod counted;
pub mod gateway;
pub mod http;
pub mod log;
pub mod readiness;
pub mod tls;
