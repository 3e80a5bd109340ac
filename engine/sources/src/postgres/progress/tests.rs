//! Notifications and reads in every order.

use super::*;

#[test]
fn the_table_is_read_at_the_start_and_then_when_a_new_row_is_heard_of() {
    let mut progress = Progress::behind(10);
    assert_eq!(progress.begin(), Some(10));
    assert_eq!(progress.begin(), None, "one read at a time");
    progress.took([11, 12].into_iter(), true);
    assert_eq!(progress.begin(), None);
    assert_eq!(progress.heard(12), Heard::Old);
    assert_eq!(progress.begin(), None);
    assert_eq!(progress.heard(13), Heard::New);
    assert_eq!(progress.heard(14), Heard::New);
    assert_eq!(progress.begin(), Some(12), "once for both");
}

#[test]
fn what_is_heard_of_during_a_read_is_read_by_it_or_by_the_next() {
    let mut progress = Progress::behind(0);
    assert_eq!(progress.begin(), Some(0));
    progress.heard(1);
    progress.heard(2);
    progress.took([1].into_iter(), true);
    assert_eq!(progress.begin(), Some(1), "2 was not there yet");
    progress.heard(3);
    progress.took([2, 3].into_iter(), true);
    assert_eq!(progress.begin(), None, "3 came with it");
}

#[test]
fn a_full_page_is_followed_by_the_next() {
    let mut progress = Progress::behind(0);
    progress.begin();
    progress.took(1..=1000, false);
    assert_eq!(progress.begin(), Some(1000));
    progress.took(std::iter::empty(), true);
    assert_eq!((progress.begin(), progress.last()), (None, 1000));
}

#[test]
fn an_id_that_is_not_there_costs_one_read() {
    let mut progress = Progress::behind(0);
    progress.begin();
    progress.heard(u64::MAX);
    progress.took([1].into_iter(), true);
    assert_eq!(progress.begin(), Some(1));
    progress.took(std::iter::empty(), true);
    assert_eq!(progress.begin(), None);
    assert_eq!(progress.heard(2), Heard::New, "and hides no other");
}

#[test]
fn a_row_that_was_committed_late_is_found_out_once() {
    let mut progress = Progress::behind(0);
    progress.begin();
    progress.took([1, 4].into_iter(), true);
    assert_eq!(progress.heard(3), Heard::Late);
    assert_eq!(progress.heard(3), Heard::Old);
    assert_eq!(progress.heard(4), Heard::Old);
    progress.begin();
    progress.took([1 << 40].into_iter(), true);
    assert_eq!(progress.skipped.len(), SKIPPED);
    assert_eq!(progress.heard((1 << 40) - 1), Heard::Late, "the nearest are remembered");
    assert_eq!(progress.heard(2), Heard::Old);
}
