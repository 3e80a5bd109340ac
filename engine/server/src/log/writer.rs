//! Writes lines to a descriptor on a thread of its own, so that a thread with a line to write never waits for its reader.
//!
//! Invariant: [`Writer::push`] neither blocks nor fails: a line is in the queue, or is counted as dropped. A line that the
//! descriptor does not take is counted too: the disk is full, or the reader is gone. The queue has a bound in bytes and lines.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Builder, Thread};
use std::time::{Duration, Instant};

use crossbeam::queue::ArrayQueue;

use floodway_core::parts;

/// Bytes of the queue for each line that it has room for.
const LINE_BYTES: usize = 256;

/// Between two attempts to report how many lines were dropped.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// Between two looks at a descriptor that would block, and at the end at the queue.
const LOOK: Duration = Duration::from_millis(5);

/// The line that reports how many others were dropped; it may be empty.
pub(super) type Report = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// The running writer. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: Arc<Queue>,
    thread: Thread,
}

#[derive(Debug)]
struct Queue {
    lines: ArrayQueue<Vec<u8>>,
    most_bytes: usize,
    /// Bytes that wait or are being written.
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Writer {
    /// Starts the thread `name`, which writes to `to` and lets lines of up to `most_bytes` together wait.
    ///
    /// # Errors
    /// If the system gives no thread or descriptor.
    pub fn start(name: &str, to: BorrowedFd<'_>, most_bytes: usize) -> io::Result<Self> {
        Self::start_with(name, to, most_bytes, Box::new(|_| Vec::new()))
    }

    /// As [`Writer::start`], with a line that reports dropped ones.
    pub(super) fn start_with(name: &str, to: BorrowedFd<'_>, most_bytes: usize, report: Report) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            lines: ArrayQueue::new((most_bytes / LINE_BYTES).max(1)),
            most_bytes,
            bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut writing = Writing {
            queue: Arc::clone(&queue),
            // Not the standard library's stderr, whose lock would be held for as long as a write takes.
            to: File::from(to.try_clone_to_owned()?),
            report,
            is_torn: false,
            reported: 0,
            tried: Instant::now(),
        };
        let part = name.to_owned();
        let run = move || while parts::caught(&part, || writing.run()).is_err() {};
        let thread = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { queue, thread: thread.thread().clone() })
    }

    /// Queues one line, with its end.
    pub fn push(&self, line: Vec<u8>) {
        let bytes = line.len();
        let before = self.queue.bytes.fetch_add(bytes, Ordering::AcqRel);
        if before + bytes > self.queue.most_bytes || self.queue.lines.push(line).is_err() {
            self.queue.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.thread.unpark();
    }

    /// Lines that were not written, and will not be.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything has been written or dropped, but only `within` this time.
    pub fn finish(&self, within: Duration) {
        let until = Instant::now() + within;
        while self.queue.bytes.load(Ordering::Acquire) > 0 && Instant::now() < until {
            thread::sleep(LOOK);
        }
    }
}

/// The thread's own side.
struct Writing {
    queue: Arc<Queue>,
    to: File,
    report: Report,
    /// Only a part of the last line could be written.
    is_torn: bool,
    /// How many of the dropped lines were reported.
    reported: u64,
    /// When a report was last tried.
    tried: Instant,
}

impl Writing {
    fn run(&mut self) {
        loop {
            while let Some(line) = self.queue.lines.pop() {
                let _taken = Taken(Arc::clone(&self.queue), line.len());
                if self.line(&line).is_err() {
                    self.queue.dropped.fetch_add(1, Ordering::Relaxed);
                }
                self.report_dropped();
            }
            self.report_dropped();
            parts::fault("log");
            if self.reported == self.queue.dropped.load(Ordering::Relaxed) && !parts::has_faults() {
                thread::park();
            } else {
                thread::park_timeout(REPORT_PAUSE);
            }
        }
    }

    /// Reports how many lines were dropped, once a line can be written again.
    fn report_dropped(&mut self) {
        let dropped = self.queue.dropped.load(Ordering::Relaxed);
        if dropped == self.reported || self.tried.elapsed() < REPORT_PAUSE {
            return;
        }
        self.tried = Instant::now();
        let line = (self.report)(dropped - self.reported);
        if self.line(&line).is_ok() {
            self.reported = dropped;
        }
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.write(b"\n")?;
            self.is_torn = false;
        }
        self.write(line)
    }

    fn write(&mut self, mut rest: &[u8]) -> io::Result<()> {
        let whole = rest.len();
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that shares the descriptor has set it so.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK),
                Err(error) => {
                    self.is_torn |= rest.len() < whole;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// A line out of the queue. Its drop makes room for others.
struct Taken(Arc<Queue>, usize);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.bytes.fetch_sub(self.1, Ordering::AcqRel);
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
