//! One system call for the sends to a thousand sockets, by io_uring (io_uring(7)).
//!
//! The kernel is given the address of the bytes with each request, and reads them before that request's completion.
//! So they are copied into a buffer that is never freed, and that changes only while no request is under way:
//! [`Uring::send`] returns well when every request that the kernel took has completed, and if it does not, the ring is
//! gone, so that no later call changes the buffer either.
//!
//! None waits for its socket: with `MSG_DONTWAIT` a full one completes at once, with an error or with what it took.
#![allow(unsafe_code, reason = "what the kernel is to send is given to it by address")]

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use io_uring::{IoUring, opcode, types};
use rustix::net::SendFlags;

/// Sends that are handed over with one system call. The more the cheaper: with 32 of them a delivery cost about a quarter
/// more. Skipped completions, registered files, and the modes of the ring for one thread made no difference that could
/// be told from chance.
const SUBMIT: u32 = 1024;

/// A socket that was not sent everything.
pub(crate) struct Unsent {
    /// Which one.
    pub(crate) fd: RawFd,
    /// How many bytes it took, or why it took none.
    pub(crate) sent: io::Result<usize>,
}

/// A ring, with what is sent through it.
pub(crate) struct Uring {
    /// Not there while bytes are sent, and never again if that failed.
    ring: Option<IoUring>,
    bytes: ManuallyDrop<Vec<u8>>,
}

impl Uring {
    /// A ring with room for a thousand sends.
    ///
    /// # Errors
    /// If the kernel has no io_uring, is older than 5.18, or does not give it to this process.
    pub(crate) fn new() -> io::Result<Self> {
        Self::with_room(SUBMIT)
    }

    fn with_room(sends: u32) -> io::Result<Self> {
        // One send that the kernel refuses does not hold up those after it.
        let ring = IoUring::builder().setup_submit_all().build(sends)?;
        Ok(Self { ring: Some(ring), bytes: ManuallyDrop::new(Vec::new()) })
    }

    /// Sends `bytes` to each of `sockets`, once. Those that did not take everything are put into `unsent`.
    ///
    /// # Errors
    /// If the ring fails, now or before. Who has been sent the bytes is not known then.
    pub(crate) fn send<'a>(
        &mut self,
        bytes: &[u8],
        sockets: impl Iterator<Item = BorrowedFd<'a>>,
        unsent: &mut Vec<Unsent>,
    ) -> io::Result<()> {
        let gone = || io::Error::other("the ring failed before");
        let mut ring = self.ring.take().ok_or_else(gone)?;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        let mut sends = Sends { ring: &mut ring, bytes: &self.bytes, under_way: 0, unsent };
        for socket in sockets {
            sends.push(socket)?;
        }
        sends.complete()?;
        self.ring = Some(ring);
        Ok(())
    }
}

/// The sends of the same bytes to many sockets.
struct Sends<'a> {
    ring: &'a mut IoUring,
    bytes: &'a [u8],
    /// Requests that the kernel has taken and not completed.
    under_way: usize,
    unsent: &'a mut Vec<Unsent>,
}

impl Sends<'_> {
    fn push(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        while self.ring.submission().is_full() {
            self.submit(0)?;
        }
        let fd = socket.as_raw_fd();
        let length = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        let flags = (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits();
        let send = opcode::Send::new(types::Fd(fd), self.bytes.as_ptr(), length)
            .flags(flags.cast_signed())
            .build()
            .user_data(u64::try_from(fd).map_err(io::Error::other)?);
        // SAFETY: the address and length are those of `Uring::bytes`, which is never freed. It changes only at the
        // beginning of `Uring::send`, which needs the ring, and the ring is back in its place only after `complete`
        // has seen every request of the call before complete.
        let pushed = unsafe { self.ring.submission().push(&send) };
        pushed.map_err(io::Error::other)
    }

    /// Returns when the kernel has taken and completed every request.
    fn complete(&mut self) -> io::Result<()> {
        while self.under_way > 0 || !self.ring.submission().is_empty() {
            self.submit(1)?;
        }
        Ok(())
    }

    /// Hands over what is queued, waits for `completions`, and takes what has completed.
    fn submit(&mut self, completions: usize) -> io::Result<()> {
        match self.ring.submit_and_wait(completions) {
            Ok(taken) => self.under_way += taken,
            // A signal came, or completions are to be taken first.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ResourceBusy) => {}
            Err(error) => return Err(error),
        }
        for completion in self.ring.completion() {
            self.under_way -= 1;
            let sent =
                usize::try_from(completion.result()).map_err(|_| io::Error::from_raw_os_error(-completion.result()));
            if !matches!(sent, Ok(bytes) if bytes == self.bytes.len()) {
                let fd = RawFd::try_from(completion.user_data()).map_err(io::Error::other)?;
                self.unsent.push(Unsent { fd, sent });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
