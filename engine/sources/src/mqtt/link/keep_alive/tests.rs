//! Tests of `mqtt::link::keep_alive`.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn schedule(ours: u32, theirs: Option<u16>) -> (Schedule, Instant) {
    let start = Instant::now();
    (Schedule::new(ours * SECOND, theirs, start), start)
}

/// What is due next, and after how many half seconds.
fn next(schedule: &mut Schedule, start: Instant, from: u32) -> (u32, Due) {
    let halves = from..1000;
    halves
        .map(|halves| (halves, schedule.due(start + halves * SECOND / 2)))
        .find(|(_, due)| !matches!(due, Due::Later(_)))
        .expect("something is to be done")
}

#[test]
fn a_broker_that_answers_is_pinged_at_each_pause() {
    let (mut schedule, start) = schedule(15, None);
    for ping in [30, 60, 90] {
        assert_eq!(next(&mut schedule, start, ping - 29), (ping, Due::Ping));
        schedule.unanswered = None;
    }
}

#[test]
fn a_broker_that_hangs_is_noticed_within_one_and_a_half_of_the_keep_alive() {
    for ours in [1, 2, 15, 60] {
        let (mut schedule, start) = schedule(ours, None);
        assert_eq!(next(&mut schedule, start, 1), (ours * 2, Due::Ping));
        assert_eq!(next(&mut schedule, start, 1 + ours * 2), (ours * 3, Due::Dead));
    }
}

#[test]
fn a_shorter_keep_alive_of_the_broker_holds_for_every_ping_and_a_longer_or_none_for_no_one() {
    for (theirs, pause) in [(1, 2), (4, 8), (60, 30), (0, 30)] {
        let (mut schedule, start) = schedule(15, Some(theirs));
        for ping in 1..5 {
            let (at, due) = next(&mut schedule, start, (ping - 1) * pause + 1);
            assert_eq!((at, due), (ping * pause, Due::Ping), "{theirs}");
            schedule.unanswered = None;
        }
    }
}

#[test]
fn pings_go_on_while_the_first_of_them_may_still_be_answered() {
    let (mut schedule, start) = schedule(15, Some(2));
    for ping in [4, 8, 12, 16] {
        assert_eq!(next(&mut schedule, start, ping - 3), (ping, Due::Ping));
    }
    assert_eq!(next(&mut schedule, start, 17), (19, Due::Dead), "7.5 s after the first");
}

#[test]
fn who_was_held_up_asks_before_it_gives_up() {
    let (mut schedule, start) = schedule(15, None);
    let late = start + 100 * SECOND;
    assert_eq!(schedule.due(late), Due::Ping);
    assert_eq!(schedule.due(late), Due::Later(late + 15 * SECOND / 2));
}
