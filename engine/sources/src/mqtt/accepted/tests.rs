//! Tests of `mqtt::accepted`.

use super::*;

fn message(id: u16, dup: bool, payload: &'static str) -> Message {
    Message { topic: "t".into(), payload: payload.into(), retain: false, dup, id }
}

/// A link on which `A` was accepted as number 7.
fn accepted() -> Accepted {
    let mut accepted = Accepted::default();
    accepted.link_up(false);
    assert!(!accepted.is_again(&message(7, false, "A"), (0, 0)));
    accepted
}

#[test]
fn a_message_that_is_sent_again_on_the_next_link_of_its_session_is_recognised_each_time() {
    let mut accepted = accepted();
    for _ in 0..3 {
        accepted.link_up(true);
        assert!(accepted.is_again(&message(7, true, "A"), (0, 0)));
    }
    assert!(!accepted.is_again(&message(8, true, "A"), (0, 0)), "that one never came");
    accepted.link_up(false);
    assert!(!accepted.is_again(&message(7, true, "A"), (0, 0)), "another session");
}

#[test]
fn an_id_that_is_used_again_is_of_another_message() {
    let mut accepted = accepted();
    assert!(!accepted.is_again(&message(7, false, "A"), (0, 0)), "it is not marked");
    accepted.link_up(true);
    assert!(!accepted.is_again(&message(7, true, "B"), (0, 0)), "it was lost on its way");
    assert!(accepted.is_again(&message(7, true, "B"), (0, 0)));
}

#[test]
fn what_the_broker_must_have_seen_acknowledged_does_not_come_again() {
    let mut accepted = accepted();
    assert!(!accepted.is_again(&message(8, false, "B"), (1, 1)));
    assert!(!accepted.is_again(&message(9, false, "C"), (2, 1)));
    accepted.link_up(true);
    assert!(!accepted.is_again(&message(7, true, "A"), (0, 0)), "its acknowledgement came before the ping");
    assert!(accepted.is_again(&message(8, true, "B"), (0, 0)));
    assert!(!accepted.is_again(&message(1, false, "D"), (1, 1)));
    assert!(accepted.is_again(&message(9, true, "C"), (1, 1)), "late, as NATS sends it");
    accepted.link_up(true);
    assert!(!accepted.is_again(&message(7, true, "A"), (0, 0)));
    assert!(accepted.is_again(&message(9, true, "C"), (3, 2)), "also another connection later");
}
