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
mod tests;
