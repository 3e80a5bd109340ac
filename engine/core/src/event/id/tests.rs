//! Tests of `event::id`.

use super::*;

#[test]
fn ids_follow_the_clock_and_grow_while_it_stands_or_goes_back() {
    let mut ids = IdSource::default();
    let given: Vec<u64> = [50, 50, 40, 51, 60].into_iter().map(|now| ids.next_at(now).get()).collect();
    assert_eq!(given, [50, 51, 52, 53, 60]);
}

#[test]
fn ids_begin_at_the_present_microsecond() {
    let before = now_micros();
    let id = IdSource::default().next().get();
    assert!((before..=now_micros()).contains(&id));
}

#[test]
fn ids_grow_by_one_beyond_what_is_allowed_and_begin_after_what_was() {
    let ids = Arc::new(Ids::default());
    ids.follow_to(55);
    let mut source = IdSource::of(Arc::clone(&ids));
    let given = [50, 55, 60, 61].map(|now| source.next_at(now).get());
    assert_eq!(given, [50, 55, 56, 57]);
    ids.follow_to(100);
    assert_eq!(source.next_at(70).get(), 70);
    ids.begin_after(90);
    let mut again = IdSource::of(ids);
    assert_eq!([71, 72, 99].map(|now| again.next_at(now).get()), [91, 92, 99]);
}
