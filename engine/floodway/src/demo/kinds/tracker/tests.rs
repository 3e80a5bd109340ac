//! Tests of `demo::kinds::tracker`.

use super::*;
use crate::demo::kinds::tests::numbers;

#[test]
fn it_moves_as_fast_as_it_says() {
    let latitude = numbers(metrics, "latitude", 1.0, 4_000);
    let longitude = numbers(metrics, "longitude", 1.0, 4_000);
    let speed = numbers(metrics, "speed_kmh", 1.0, 4_000);
    for n in 1..latitude.len() {
        let moved = length(metres((latitude[n - 1], longitude[n - 1]), (latitude[n], longitude[n])));
        assert!((0.0..100.0).contains(&speed[n]), "{}", speed[n]);
        // At a corner of the round the straight line is shorter than the way.
        assert!(moved * 3.6 <= speed[n] + 1.5, "{moved} m at {} km/h", speed[n]);
    }
}

#[test]
fn the_round_closes() {
    let whole: f64 = (0..ROUND.len()).map(|n| length(metres(ROUND[n], ROUND[(n + 1) % ROUND.len()]))).sum();
    let (start, end) = (position(0.0), position(whole - 0.01));
    assert!(length(metres((start.0, start.1), (end.0, end.1))) < 1.0);
}
