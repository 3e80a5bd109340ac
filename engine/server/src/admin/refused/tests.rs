//! Tests of `admin::refused`.

use super::*;

#[test]
fn each_reason_is_counted_by_its_label() {
    let refused = Refused::default();
    for reason in [Reason::Unauthenticated, Reason::ReadOnly, Reason::Unauthenticated, Reason::Unauthenticated] {
        refused.note(reason, "/metrics", None);
    }
    let counts = [("unauthenticated", 3), ("read_only", 1), ("host", 0), ("origin", 0)];
    assert_eq!(refused.counts(), counts);
}
