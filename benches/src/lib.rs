//! What the benches of the shard share: a shard on the bench's own thread, outlets that cost next to nothing
//! themselves, and events for them.
//!
//! A bench never sleeps until work is done: it counts the work in the outlets or in the shard's metrics, and waits for
//! the count.

mod counter;
mod devices;
mod outlets;
mod rig;
mod visitors;

pub use counter::Counter;
pub use devices::{Devices, METRICS, metric};
pub use outlets::{Appetite, BenchPipe, Peer};
pub use rig::{Beginning, Rig, config, limits};
pub use visitors::Visitors;

/// `canonical` when the benches are measured, `small` when they run among the tests: seconds, so that they never rot.
pub fn size<T>(canonical: T, small: T) -> T {
    // Cargo passes this flag to a bench that `cargo bench` runs, and not to one that `cargo test` does.
    if std::env::args().any(|argument| argument == "--bench") {
        canonical
    } else {
        small
    }
}
