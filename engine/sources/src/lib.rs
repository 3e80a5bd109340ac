//! Where tenants' events come from, and the documents that are kept there.
//!
//! [`source`] is the seam: what a source is, what it reports, and the thread on which sources run. [`router`] makes events
//! of raw messages and puts them into the inboxes of the shards; it knows no source. [`mqtt`] and [`postgres`] are sources.
//! [`control`] follows the limits and groups that outlive every gateway, in whatever store a source offers.
//! [`tls`] is how servers are trusted, by sources and by those who fetch keys or call a gateway.
//!
//! It knows the client protocol and the core; no listener, no token, no configuration file.

pub mod control;
mod feed;
mod in_flight;
pub mod mqtt;
pub mod nats;
pub mod postgres;
pub mod router;
pub mod source;
pub mod tls;
