//! What clients read and write: names, messages, encodings, framing, and the table of ends.
//!
//! It knows nothing of the engine: no event, no tenant's state, no socket, no clock of its own but for what a heartbeat
//! says. A new message, encoding or close code begins here.

pub mod actions;
pub mod answers;
mod encoding;
pub mod ends;
pub mod frames;
pub mod framing;
mod id;
mod json;
pub mod names;
pub mod notices;
pub mod session;
pub mod ws;

pub use encoding::Encoding;
pub use ends::End;
pub use id::EventId;
