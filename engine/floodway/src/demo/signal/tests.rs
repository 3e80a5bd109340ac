//! Tests of `demo::signal`.

use super::*;

/// 2026-02-16T12:00:00Z.
const NOON: f64 = 1_771_243_200.0;

#[test]
fn a_signal_depends_on_seed_and_time_alone() {
    let (one, other) = (Seed::of("one"), Seed::of("other"));
    assert_eq!(one.drift(NOON, 60.0), Seed::of("one").drift(NOON, 60.0));
    assert_ne!(one.drift(NOON, 60.0), other.drift(NOON, 60.0));
    assert_ne!(one.part("a"), one.part("b"));
}

#[test]
fn drift_stays_in_bounds_and_never_jumps() {
    let seed = Seed::of("drift");
    let values: Vec<f64> = (0..5_000).map(|n| seed.drift(NOON + f64::from(n) * 0.1, 30.0)).collect();
    assert!(values.iter().all(|value| value.abs() <= 1.0));
    // The steepest slope of a cosine from -1 to 1 within 30 s, for a tenth of a second.
    let steepest = TAU / 2.0 / 30.0 * 0.1 + 1e-6;
    assert!(values.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= steepest));
    let (low, high) = values
        .iter()
        .fold((1.0f64, -1.0f64), |(low, high), &value| (low.min(value), high.max(value)));
    assert!(high - low > 0.5, "it moves: {low} to {high}");
}

#[test]
fn a_day_is_coldest_at_four_and_warmest_at_sixteen() {
    let midnight = NOON - DAY / 2.0;
    assert!((day(midnight + 4.0 * 3600.0) + 1.0).abs() < 1e-6);
    assert!((day(midnight + 16.0 * 3600.0) - 1.0).abs() < 1e-6);
}

#[test]
fn the_sum_of_a_day_grows_as_the_day_says() {
    let slope = (day_sum(NOON + 1.0) - day_sum(NOON)) - day(NOON + 0.5);
    assert!(slope.abs() < 1e-3, "{slope}");
}

#[test]
fn a_battery_falls_to_its_lowest_and_is_full_again() {
    let seed = Seed::of("battery");
    let levels: Vec<f64> = (0..200).map(|n| seed.drain(NOON + f64::from(n), 100.0, 0.2)).collect();
    assert!(levels.iter().all(|level| (0.2..=1.0).contains(level)));
    let refills = levels.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert_eq!(refills, 2);
}
