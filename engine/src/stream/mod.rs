//! One subscriber's conversation: what it may say, what it is told, and how that looks on the wire.
//!
//! Invariant: only [`ws`] knows the WebSocket protocol, and only it knows fastwebsockets. Actions, answers and
//! notices are plain JSON text, the same for every transport that carries them.

pub mod action;
pub mod answer;
mod json;
pub mod notice;
mod sse;
pub mod ws;

pub use sse::{RETRY_MS, SseSession};
