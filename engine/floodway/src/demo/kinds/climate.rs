//! Temperature and humidity: warm air is dry air.

use super::{Metrics, battery, number};
use crate::demo::signal::{DAY, Seed, day};

/// A month on one battery.
const BATTERY: f64 = 30.0 * DAY;

pub(in crate::demo) fn room(seed: Seed, t: f64) -> Metrics {
    let mean = seed.part("mean").within(19.0, 23.0);
    let wander = seed.part("wander").drift(t, 1_200.0);
    metrics(seed, t, mean + 3.5 * day(t) + 0.8 * wander, mean)
}

/// The compressor keeps it: a saw of a quarter of an hour, and hardly a day to be seen.
pub(in crate::demo) fn cold_store(seed: Seed, t: f64) -> Metrics {
    let mean = seed.part("mean").within(2.5, 4.5);
    let cooling = seed.part("cooling").drain(t, 900.0, 0.0) - 0.5;
    metrics(seed, t, mean + 1.6 * cooling + 0.2 * day(t), mean)
}

fn metrics(seed: Seed, t: f64, temperature: f64, mean: f64) -> Metrics {
    let measured = temperature + 0.05 * seed.part("sensor").noise(t);
    let weather = 4.0 * seed.part("weather").drift(t, 7_200.0);
    let humidity = 48.0 - 3.0 * (temperature - mean) + weather;
    vec![
        ("temperature", number(measured, 2)),
        ("humidity", number(humidity.clamp(5.0, 95.0), 1)),
        ("battery", battery(seed, t, BATTERY)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::kinds::tests::numbers;

    #[test]
    fn warm_hours_are_dry_hours() {
        let temperature = numbers(room, "temperature", 300.0, 288);
        let humidity = numbers(room, "humidity", 300.0, 288);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (warm, dry) = (mean(&temperature), mean(&humidity));
        let pairs = temperature.iter().zip(&humidity);
        let together: f64 = pairs.map(|(t, h)| (t - warm) * (h - dry)).sum();
        let spread =
            |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        let correlation = together / (spread(&temperature, warm) * spread(&humidity, dry)).sqrt();
        assert!(correlation < -0.7, "{correlation}");
    }

    #[test]
    fn a_cold_store_stays_cold() {
        let temperature = numbers(cold_store, "temperature", 60.0, 1440);
        assert!(temperature.iter().all(|t| (0.0..8.0).contains(t)));
    }
}
