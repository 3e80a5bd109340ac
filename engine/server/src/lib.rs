//! The listeners of the gateway, the checks of those that connect, and the assembly of all parts.
//!
//! [`auth`] checks tokens and [`tls`] certificates; [`http`] is the public listener, which admits subscribers; [`admin`] is
//! the private one, for operators and metrics; [`readiness`] says whether a new stream could begin; [`log`] writes lines to
//! stderr; [`gateway`] starts and drains everything. It knows the core, the sources and the admin API's messages; no
//! command and no configuration file.

pub mod admin;
pub mod auth;
mod files;
pub mod gateway;
pub mod http;
pub mod log;
mod origin;
mod plain_http;
pub mod readiness;
pub mod tls;
