//! Where events come from, and the documents that are kept there.
//!
//! [`ingest`] brings messages in and routes them as events; [`control`] follows limits and groups that outlive every
//! gateway. It knows the core; no listener, no token, no configuration file.

pub mod control;
pub mod ingest;
