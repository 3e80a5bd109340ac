//! What users are promised, tested from outside: the real binary, a real broker, clients that others wrote.
//!
//! One module a theme; a test is named for what is true. The harness is the package's library.

mod admin;
mod admission;
mod browser;
mod catch_up;
mod commands;
mod connections;
mod control;
mod demo;
mod events;
mod every_source;
mod filters;
mod heads;
mod history;
mod hopping;
mod hostile;
mod http;
mod ids;
mod ledger;
mod link;
mod misbehaving;
mod nats;
mod options;
mod origins;
mod outside_clients;
mod pace;
mod panics;
mod postgres;
mod process;
mod protocols;
mod requests;
mod resume;
mod scale;
mod session;
mod settings;
mod shell;
mod slow;
mod snapshot;
mod store;
mod tidy;
mod tls;
mod top;
mod topics;
mod transport;
mod upstream;
