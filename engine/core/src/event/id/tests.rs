//! Tests of `event::id`.

use super::*;

fn stamp(id: EventId) -> u64 {
    id.get() >> MARK_BITS
}

#[test]
fn stamps_follow_the_clock_and_grow_while_it_stands_or_goes_back() {
    let mut ids = IdSource::default();
    let given = [50, 50, 40, 51, 60].map(|now| stamp(ids.next_at(now)));
    assert_eq!(given, [50, 51, 52, 53, 60]);
}

#[test]
fn stamps_begin_at_the_present_microsecond() {
    let before = now_micros();
    let first = stamp(IdSource::default().next());
    assert!((before..=now_micros()).contains(&first));
}

#[test]
fn stamps_grow_by_one_beyond_what_is_allowed_and_begin_after_what_was() {
    let ids = Arc::new(Ids::default());
    ids.follow_to(55);
    let mut source = IdSource::of(Arc::clone(&ids));
    let given = [50, 55, 60, 61].map(|now| stamp(source.next_at(now)));
    assert_eq!(given, [50, 55, 56, 57]);
    ids.follow_to(100);
    assert_eq!(stamp(source.next_at(70)), 70);
    ids.begin_after(90);
    let mut again = IdSource::of(ids);
    assert_eq!([71, 72, 99].map(|now| stamp(again.next_at(now))), [91, 92, 99]);
}

#[test]
fn an_id_shows_whose_it_is_and_grows_whatever_the_mark() {
    let mut sources = [7, 1 << MARK_BITS | 8].map(|mark| IdSource::of(Arc::new(Ids::marked(mark))));
    let given = [50, 51].map(|now| sources.each_mut().map(|source| source.next_at(now).get()));
    assert_eq!(given[0], [50 << MARK_BITS | 7, 50 << MARK_BITS | 8]);
    assert!(given[0].iter().all(|before| given[1].iter().all(|after| before < after)));
    let marks: std::collections::HashSet<u64> = (0..100).map(|_| Ids::default().mark).collect();
    assert!(marks.len() > 1, "each process has its own");
}
