//! Memory goes back to the system when many streams have come or gone.
//!
//! glibc keeps what was freed in the middle of its heaps: the buffers of 9,500 handshakes lie between what the streams
//! keep, and streams that left would leave 3 MB behind for good. It is asked to return whole pages, from the main thread,
//! once the number of streams has doubled or halved and rests. And it is kept from what it does by default: after a
//! large block was freed, blocks up to that size are no longer the system's own, and twice that much free memory is kept
//! at the end of each heap.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use floodway_core::index::Index;

/// Between two looks at the number of streams, while there are few and while there are many of them.
const SELDOM: Duration = Duration::from_secs(1);
const OFTEN: Duration = Duration::from_millis(100);

/// Fewer streams than this are not worth it.
const MANY: u32 = 1000;

/// Watches the streams until it is dropped.
pub(super) async fn give_back(index: &Index) -> Infallible {
    heap::set_up();
    let mut crowd = Crowd::default();
    loop {
        sleep(if crowd.is_small() { SELDOM } else { OFTEN }).await;
        if crowd.has_changed(index.connections()) {
            heap::trim();
        }
    }
}

/// The streams, as they were when last looked at, and when memory was last given back.
#[derive(Default)]
struct Crowd {
    seen: u32,
    settled: u32,
}

impl Crowd {
    fn is_small(&self) -> bool {
        self.seen.max(self.settled) < MANY
    }

    /// Whether, with `live` streams now, many have come or gone since this was last said, and no more are about to.
    fn has_changed(&mut self, live: u32) -> bool {
        let is_resting = self.seen.abs_diff(live) <= MANY / 10;
        self.seen = live;
        let change = self.settled.abs_diff(live);
        let is_due = is_resting && change >= MANY && change >= self.settled.max(live) / 2;
        if is_due {
            self.settled = live;
        }
        is_due
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "the C library's own functions, of which there are no safe wrappers"
)]
mod heap {
    /// Larger blocks are mapped from the system and go back to it when they are freed.
    const MAPPED_BYTES: i32 = 256 * 1024;

    /// What may stay free at the end of a heap.
    const SPARE_BYTES: i32 = 1024 * 1024;

    pub(super) fn trim() {
        // SAFETY: malloc_trim(3) takes no pointer, changes nothing that is allocated, and may be called on any thread at
        // any time ("MT-Safe"). It holds the lock of one heap after the other while it looks through its free chunks.
        unsafe { libc::malloc_trim(0) };
    }

    pub(super) fn set_up() {
        // SAFETY: mallopt(3) takes no pointer and changes nothing that is allocated. These two it only stores, under the
        // lock of the main heap; what other threads read of them meanwhile is the old value or the new one.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE_BYTES);
        }
    }
}

/// Other allocators give back by themselves, or can't.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod heap {
    pub(super) fn trim() {}

    pub(super) fn set_up() {}
}

#[cfg(test)]
mod tests;
