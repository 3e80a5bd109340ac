//! Requests that are refused for what they are, before anybody asks whose they are: counted, told to those who watch, and
//! named in the log now and then.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;

use super::connection::Origination;
use super::front::Front;
use crate::index::What;

/// Between two lines of the log about the same fault.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Characters of what a client sent that are repeated in the log.
const SHOWN_CHARS: usize = 200;

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It comes from a foreign page.
    Origin,
    /// It wants a WebSocket, and is no handshake.
    Handshake,
    /// A stream is had by GET only.
    Method,
    /// A path beside those of streams.
    Path,
    /// It is not HTTP, or breaks its rules.
    Malformed,
    /// Its head is too large, or has too many fields.
    TooLarge,
}

impl Fault {
    const COUNT: usize = 6;

    /// The names in logs and metrics, in the order of the faults.
    pub(super) const LABELS: [&str; Self::COUNT] = [
        "origin",
        "handshake",
        "method",
        "path",
        "bad_request",
        "head_too_large",
    ];

    pub(super) fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }

    /// The status with which HTTP itself is refused.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The counts of all faults. Relaxed: each stands by itself and guards nothing.
#[derive(Debug)]
pub(super) struct Faults {
    began: Instant,
    each: [Seen; Fault::COUNT],
}

#[derive(Debug, Default)]
struct Seen {
    count: AtomicU64,
    /// When it was logged last, in milliseconds from the beginning, and one more; 0: never.
    logged: AtomicU64,
    /// The count of then.
    told: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            each: Default::default(),
        }
    }
}

impl Faults {
    /// Counts a fault. If it is time for a line of the log about it, returns the number of those that were passed over since
    /// the last line.
    fn count(&self, fault: Fault, now: Instant) -> Option<u64> {
        let seen = &self.each[fault as usize];
        let count = seen.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now = 1 + now.duration_since(self.began).as_millis() as u64;
        let last = seen.logged.load(Ordering::Relaxed);
        if last != 0 && now < last + LOG_PAUSE.as_millis() as u64 {
            return None;
        }
        let (logged, relaxed) = (&seen.logged, Ordering::Relaxed);
        logged.compare_exchange(last, now, relaxed, relaxed).ok()?;
        let told = seen.told.swap(count, Ordering::Relaxed);
        Some(count.saturating_sub(told + 1))
    }

    /// The counts now, in the order of [`Fault::LABELS`].
    pub(super) fn counts(&self) -> [u64; Fault::COUNT] {
        std::array::from_fn(|at| self.each[at].count.load(Ordering::Relaxed))
    }
}

/// Counts a fault, tells it to those who watch, and writes what `detail` says to the log, if it is time.
pub(super) fn note(
    fault: Fault,
    from: Option<&Origination>,
    front: &Front,
    detail: &dyn fmt::Display,
) {
    let peer = from.and_then(|from| from.peer);
    let reason = fault.label();
    if let Some(suppressed) = front.shared.refusals.faults.count(fault, Instant::now()) {
        let peer = peer.map(tracing::field::display);
        tracing::info!(reason, peer, suppressed, "request refused: {detail}");
    }
    front.shared.index.journal().note(|| What::Refused {
        tenant: None,
        peer,
        reason,
    });
}

/// The beginning of what a client sent, with nothing in it that could forge a line or drive a terminal.
pub(super) fn printable(text: &[u8]) -> String {
    let beginning = &text[..text.len().min(4 * SHOWN_CHARS)];
    let text = String::from_utf8_lossy(beginning);
    let shown = text.chars().take(SHOWN_CHARS);
    shown.flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_counted_always_and_logged_now_and_then() {
        let (faults, start) = (Faults::default(), Instant::now());
        assert_eq!(faults.count(Fault::Origin, start), Some(0));
        assert_eq!(faults.count(Fault::Origin, start + LOG_PAUSE / 2), None);
        assert_eq!(faults.count(Fault::Origin, start + LOG_PAUSE / 2), None);
        assert_eq!(faults.count(Fault::TooLarge, start), Some(0));
        assert_eq!(faults.count(Fault::Origin, start + LOG_PAUSE), Some(2));
        assert_eq!(faults.counts(), [4, 0, 0, 0, 0, 1]);
        assert_eq!(Fault::TooLarge.label(), "head_too_large");
    }
}
