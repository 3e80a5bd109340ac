//! One subscriber's conversation: what its client says, and how it is ended.

mod sse;
pub mod ws;

pub use sse::{RETRY_MS, SseSession};
