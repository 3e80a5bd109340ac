//! What the instruments share.
//!
//! `loadgen` is N subscribers and a publisher; `floor` is a server that does nothing but `write`. Both know the wire
//! formats for themselves, so that a fault of the engine's can't hide in them.

pub mod machine;
