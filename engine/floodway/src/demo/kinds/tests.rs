//! Tests of `demo::kinds`.

use super::*;

/// 2026-02-16T00:00:00Z.
pub(super) const MIDNIGHT: f64 = 1_771_200_000.0;

/// The metric called `name` of a device, once every `step` seconds, `count` times from midnight on.
pub(super) fn series(measure: Measure, name: &str, step: f64, count: u32) -> Vec<Value> {
    let seed = Seed::of("DEV-1");
    let at = |n| measure(seed, MIDNIGHT + f64::from(n) * step);
    let metric = |metrics: Metrics| {
        let found = metrics.into_iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("there is no {name}")).1
    };
    (0..count).map(|n| metric(at(n))).collect()
}

pub(super) fn numbers(measure: Measure, name: &str, step: f64, count: u32) -> Vec<f64> {
    let values = series(measure, name, step, count);
    values.iter().map(|value| value.as_f64().expect("a number")).collect()
}

#[test]
fn every_kind_always_sends_the_same_names_and_different_values() {
    let kinds: [(&str, Measure); 7] = [
        ("room", room),
        ("cold store", cold_store),
        ("machine", machine),
        ("door", door),
        ("meter", meter),
        ("tank", tank),
        ("tracker", tracker::metrics),
    ];
    let names = |metrics: &Metrics| metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    for (kind, measure) in kinds {
        let seed = Seed::of("DEV-1");
        let (first, later) = (measure(seed, MIDNIGHT), measure(seed, MIDNIGHT + 3600.0));
        assert!(first.len() >= 3, "{kind}");
        assert_eq!(names(&first), names(&later));
        assert_ne!(first, later, "{kind}");
        assert_eq!(first, measure(seed, MIDNIGHT), "{kind}");
        assert_ne!(first, measure(Seed::of("DEV-2"), MIDNIGHT), "{kind}");
    }
}

#[test]
fn warm_hours_are_dry_hours() {
    let temperature = numbers(room, "temperature", 300.0, 288);
    let humidity = numbers(room, "humidity", 300.0, 288);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (warm, dry) = (mean(&temperature), mean(&humidity));
    let pairs = temperature.iter().zip(&humidity);
    let together: f64 = pairs.map(|(t, h)| (t - warm) * (h - dry)).sum();
    let spread = |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let correlation = together / (spread(&temperature, warm) * spread(&humidity, dry)).sqrt();
    assert!(correlation < -0.7, "{correlation}");
}

#[test]
fn a_cold_store_stays_cold() {
    let temperature = numbers(cold_store, "temperature", 60.0, 1440);
    assert!(temperature.iter().all(|t| (0.0..8.0).contains(t)));
}

#[test]
fn vibration_is_mostly_calm_and_bursts_now_and_then() {
    let vibration = numbers(machine, "vibration", 1.0, 3_600);
    let calm = vibration.iter().filter(|v| **v < 1.5).count();
    let burst = vibration.iter().filter(|v| **v > 4.0).count();
    assert!(calm > 2_400, "{calm}");
    assert!((20..400).contains(&burst), "{burst}");
}

#[test]
fn every_opening_is_counted_once() {
    let open = series(door, "open", 0.25, 40_000);
    let openings = numbers(door, "openings_today", 0.25, 40_000);
    let seen = open.windows(2).filter(|pair| pair[0] == false && pair[1] == true);
    let counted = openings.last().expect("some") - openings[0];
    assert_eq!(seen.count() as f64, counted);
    assert!(counted > 20.0, "{counted}");
    assert!(openings.is_sorted());
}

#[test]
fn the_energy_is_what_the_power_adds_up_to() {
    let energy = numbers(meter, "energy_kwh", 60.0, 1441);
    assert!(energy.is_sorted_by(|a, b| a < b));
    let power = numbers(meter, "power_kw", 60.0, 1440);
    let summed: f64 = power.iter().sum::<f64>() / 60.0;
    let counted = energy[1440] - energy[0];
    assert!((summed / counted - 1.0).abs() < 0.05, "{summed} {counted}");
}

#[test]
fn the_level_rises_while_the_pump_runs_and_falls_while_not() {
    let level = numbers(tank, "level", 10.0, 300);
    let pump = series(tank, "pump", 10.0, 300);
    for n in 1..level.len() {
        if pump[n - 1] == pump[n] {
            assert_eq!(level[n] > level[n - 1], pump[n] == true, "at {n}");
        }
    }
    assert!(pump.contains(&true.into()) && pump.contains(&false.into()));
}
