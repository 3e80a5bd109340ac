//! Memory goes back to the system when many streams have gone.
//!
//! glibc keeps what was freed in the middle of its heaps: 9,500 streams that left would leave 3 MB behind for good. It is
//! asked to return whole pages, from the main thread, when the streams are down by half from their peak.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use crate::index::Index;

/// Between two looks at the number of streams, while there are few and while there are many of them.
const SELDOM: Duration = Duration::from_secs(1);
const OFTEN: Duration = Duration::from_millis(100);

/// Fewer streams than this leave too little behind to be worth it.
const MANY: u32 = 1000;

/// Watches the streams until it is dropped.
pub(super) async fn give_back(index: &Index) -> Infallible {
    let mut crowd = Crowd::default();
    loop {
        sleep(if crowd.peak < MANY { SELDOM } else { OFTEN }).await;
        if crowd.has_gone(index.connections()) {
            trim();
        }
    }
}

/// The most streams since memory was last given back.
#[derive(Default)]
struct Crowd {
    peak: u32,
}

impl Crowd {
    /// Whether, with `live` streams now, the most of many have gone. Said once.
    fn has_gone(&mut self, live: u32) -> bool {
        self.peak = self.peak.max(live);
        let gone = self.peak - live;
        let has_gone = gone >= MANY && gone >= self.peak / 2;
        if has_gone {
            self.peak = live;
        }
        has_gone
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "the C library's own function, of which there is no safe wrapper"
)]
fn trim() {
    // SAFETY: malloc_trim(3) takes no pointer, changes nothing that is allocated, and may be called on any thread at any
    // time ("MT-Safe"). It holds the lock of one heap after the other while it looks through its free chunks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators give back by themselves, or can't.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_when_the_most_of_many_have_gone_and_once() {
        let mut crowd = Crowd::default();
        for (live, has_gone) in [
            (100, false),
            (0, false),
            (10_000, false),
            (6000, false),
            (5000, true),
            (4500, false),
            (2400, true),
            (2000, false),
            (0, true),
            (0, false),
        ] {
            assert_eq!(crowd.has_gone(live), has_gone, "{live} live");
        }
    }
}
