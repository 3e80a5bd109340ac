//! Tests of `cli::demo::live`.

use super::*;

#[test]
fn rates_are_of_the_time_that_passed() {
    let before = Counts { at: Instant::now(), accepted: 100, totals: Totals::default() };
    let totals = Totals { ws: 2, sse: 1, delivered: 105, dropped: 7, ..Totals::default() };
    let now = Counts { at: before.at + Duration::from_secs(5), accepted: 170, totals };
    let line = line(14, &before, &now);
    assert_eq!(line, "devices 14 | events/s 14.0 | subscribers 3 | deliveries/s 21.0 | dropped 7");
    assert!(line.len() < 80, "one line of a terminal");
    assert_eq!(placed(&line, false), format!("{line}\n"));
    assert_eq!(placed(&line, true), format!("\r{line}\x1b[K"));
}
