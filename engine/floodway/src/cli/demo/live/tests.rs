//! Tests of `cli::demo::live`.

use super::*;

#[test]
fn rates_are_of_the_time_that_passed() {
    let before = Counts { at: Instant::now(), accepted: 100, totals: Totals::default() };
    let totals = Totals { ws: 2, sse: 1, delivered: 105, dropped: 7, ..Totals::default() };
    let now = Counts { at: before.at + Duration::from_secs(5), accepted: 170, totals };
    let parts = parts(14, &before, &now);
    let line = line(&parts, 79);
    assert_eq!(line, "devices 14 | events/s 14.0 | subscribers 3 | deliveries/s 21.0 | dropped 7");
    assert_eq!(placed(&line, false), format!("{line}\n"));
    assert_eq!(placed(&line, true), format!("\r{line}\x1b[K"));
}

#[test]
fn a_narrow_terminal_gets_the_parts_that_it_has_room_for() {
    let parts = ["devices 14", "events/s 14.0", "dropped 7"].map(str::to_owned);
    for (room, expected) in [
        (38, "devices 14 | events/s 14.0 | dropped 7"),
        (37, "devices 14 | events/s 14.0"),
        (10, "devices 14"),
        (9, ""),
    ] {
        assert_eq!(line(&parts, room), expected);
    }
}
