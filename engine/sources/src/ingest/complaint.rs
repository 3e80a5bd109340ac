//! Lines of the log at a bounded rate.

use std::time::{Duration, Instant};

/// One line in this time.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// When something was last logged, and how often it was passed over since.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    last: Option<Instant>,
    suppressed: u64,
}

impl Complaint {
    /// The number passed over since the last line, if it is time for the next one.
    pub(super) fn is_due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now < last + LOG_PAUSE) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_logged_once_in_a_while_with_the_number_passed_over() {
        let (mut complaint, start) = (Complaint::default(), Instant::now());
        assert_eq!(complaint.is_due(start), Some(0));
        assert_eq!(complaint.is_due(start + LOG_PAUSE / 2), None);
        assert_eq!(complaint.is_due(start + LOG_PAUSE * 9 / 10), None);
        assert_eq!(complaint.is_due(start + LOG_PAUSE), Some(2));
        assert_eq!(complaint.is_due(start + LOG_PAUSE * 2), Some(0));
    }
}
