//! The same bytes to many sockets with one system call, where the kernel has io_uring.
//!
//! Invariant: when [`Uring::send`] returns, the kernel has finished with every socket and with the bytes, as it would
//! have after that many `write`s. Linux 5.19 or newer.
#![allow(
    unsafe_code,
    reason = "a request to the kernel names its bytes by address, which no borrow can watch"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use io_uring::squeue::Flags;
use io_uring::{IoUring, opcode, types};

/// Sends of one system call.
pub(super) const SENDS: usize = 256;

/// The low half of what marks a send is its index in the batch, the high half is the batch's number.
const INDEX: u64 = 0xffff_ffff;

/// A submission queue, and what came of the last sends.
pub(crate) struct Uring {
    /// None once the kernel has refused it: closed, so that entries that were not taken never will be.
    ring: Option<IoUring>,
    batch: u32,
    /// Bytes taken, or a negated `errno`.
    results: Vec<i32>,
}

impl Uring {
    /// Opens a queue, to be used on the calling thread alone.
    ///
    /// # Errors
    /// If the kernel is too old for it, or does not let this process have one.
    pub(crate) fn open() -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_submit_all()
            .build(u32::try_from(SENDS).expect("a small number"))?;
        if !ring.params().is_feature_skip_cqe_on_success() {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        Ok(Self { ring: Some(ring), batch: 0, results: Vec::with_capacity(SENDS) })
    }

    /// Sends `bytes` to each of `sockets`, at most [`SENDS`], which must not block. Returns what came of each, in their
    /// order: the bytes that it took, or a negated `errno`. If the kernel refuses the queue as such, those at the end are
    /// missing: nothing was sent to them, and nothing ever will be from here.
    pub(super) fn send<'a>(&mut self, bytes: &[u8], sockets: impl Iterator<Item = BorrowedFd<'a>>) -> &[i32] {
        self.results.clear();
        let Some(ring) = &mut self.ring else {
            return &self.results;
        };
        let len = i32::try_from(bytes.len()).expect("a batch is bounded");
        self.batch = self.batch.wrapping_add(1);
        for socket in sockets.take(SENDS) {
            let index = self.results.len() as u64;
            let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len as u32)
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
                .build()
                .flags(Flags::SKIP_SUCCESS)
                .user_data(u64::from(self.batch) << 32 | index);
            // SAFETY: the bytes and the sockets are borrowed until this function returns, and by then the kernel no
            // longer uses them. It has taken every entry in `submit`, or the ring is closed below and it never will. An
            // entry that is taken is carried out within that system call: `MSG_DONTWAIT` marks it so that it fails
            // rather than being retried later or given to a worker (io_uring's REQ_F_NOWAIT).
            unsafe { ring.submission().push(&send) }.expect("the queue was empty");
            // Successes are not reported: it has taken all unless something else is heard.
            self.results.push(len);
        }
        let left = submit(ring);
        for done in ring.completion() {
            if done.user_data() >> 32 == u64::from(self.batch) {
                self.results[(done.user_data() & INDEX) as usize] = done.result();
            }
        }
        if left > 0 {
            self.results.truncate(self.results.len() - left);
            self.ring = None;
        }
        &self.results
    }
}

/// Has the kernel take all entries. Returns how many it refused to take.
fn submit(ring: &mut IoUring) -> usize {
    while !ring.submission().is_empty() {
        if let Err(error) = ring.submit()
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "the kernel refuses io_uring; going on with plain writes");
            break;
        }
    }
    ring.submission().len()
}

#[cfg(test)]
mod tests;
