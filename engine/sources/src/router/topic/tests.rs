//! Tests of `router::topic`.

use super::*;

#[test]
fn a_message_of_a_source_without_topics_is_of_the_names_that_it_gives() {
    let message = RawMessage::of("T", "D", "site/D", b"{}");
    assert_eq!(message.tenant(), Some("T"));
    for (tenant, device) in [("", "D"), ("T", "a/b"), ("+", "D")] {
        assert_eq!(RawMessage::of(tenant, device, "t", b"{}").tenant(), None, "{tenant} {device}");
    }
}
