//! Tests of `mqtt::link::outgoing`.

use super::*;

#[test]
fn an_id_is_used_again_only_after_its_answer() {
    let mut outgoing = Outgoing::new(Version::V5, 0, &Welcome::default());
    let send = |outgoing: &mut Outgoing| {
        outgoing.waiting.clear();
        outgoing.request(Request::Unsubscribe("f".to_owned()))
    };
    for id in 1..=u16::MAX {
        assert_eq!(send(&mut outgoing), Ok(id));
    }
    assert_eq!(send(&mut outgoing), Err(Unsent::Full));
    for id in [2, 7] {
        assert!(!outgoing.answered(id, RequestKind::Subscribe), "of the wrong kind");
        assert!(outgoing.answered(id, RequestKind::Unsubscribe));
        assert!(!outgoing.answered(id, RequestKind::Unsubscribe));
    }
    assert_eq!((send(&mut outgoing), send(&mut outgoing)), (Ok(2), Ok(7)));
}
