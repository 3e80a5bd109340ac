//! Tests of `index::upstream`.

use super::*;

#[test]
fn a_tenant_is_confirmed_when_every_open_source_has_answered_and_one_sends() {
    let open = Arc::<OpenSources>::default();
    let answers = Answers::new(Arc::clone(&open));
    let [first, second] = [0, 1].map(SourceNumber::new);
    let state = || *answers.state().borrow();
    open.set(first, true);
    answers.set(first, Answer::Confirmed);
    assert_eq!(state(), Upstream::Confirmed);
    open.set(second, true);
    answers.renew();
    assert_eq!(state(), Upstream::Waiting, "the second may have events that would be missed");
    answers.set(second, Answer::Refused);
    assert_eq!(state(), Upstream::Confirmed, "the first sends them");
    answers.set(first, Answer::None);
    assert_eq!(state(), Upstream::Waiting);
    open.set(first, false);
    answers.renew();
    assert_eq!(state(), Upstream::Refused, "nobody else is there");
    answers.set(second, Answer::Passed);
    assert_eq!(state(), Upstream::Away, "nobody who is there sends them");
    answers.set(second, Answer::None);
    assert_eq!(state(), Upstream::Waiting);
}
