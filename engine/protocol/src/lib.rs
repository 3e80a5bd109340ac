//! What clients of floodway read and write, and nothing else: names, messages, encodings, framing, and the one table of
//! reasons for which a stream is refused or ended.
//!
//! [`messages`] are JSON texts, [`Encoding`] puts them on the wire ([`ws`], [`sse`]), [`session`] reads what a client
//! sends into commands, and [`ends`] is the table. `docs/protocol.md` describes the same for users. This crate may know
//! text, bytes and the RFCs that frame them. It knows nothing of the engine: no subscriber, no tenant's state, no
//! socket, no thread, and no clock. A new message, encoding or close code begins here.

mod encoding;
pub mod ends;
mod id;
pub mod messages;
pub mod names;
pub mod session;
pub mod sse;
mod stream;
pub mod ws;

pub use encoding::{Encoding, Frames};
pub use ends::End;
pub use id::EventId;
