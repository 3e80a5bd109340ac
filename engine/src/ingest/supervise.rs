//! What happens to a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `attempt`, and returns false if it panicked, which is logged.
///
/// What `attempt` had in its hands may be half changed then: the caller builds it anew, or knows how to reset it.
pub(super) fn ended(attempt: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(()) => true,
        Err(panic) => {
            tracing::error!(
                panic = message(&*panic),
                "ingest panicked and starts again; please report this"
            );
            false
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown kind")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_does_not_pass() {
        assert!(!ended(|| panic!("on purpose, by a test")));
        assert!(ended(|| {}));
    }

    #[test]
    fn a_panics_message_is_found_in_either_form() {
        assert_eq!(message(&"plain"), "plain");
        assert_eq!(message(&"formatted".to_owned()), "formatted");
        assert_eq!(message(&7), "of unknown kind");
    }
}
