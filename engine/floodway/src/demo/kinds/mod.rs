//! What kinds of devices there are, and what each measures at a time.

pub(super) mod climate;
pub(super) mod door;
pub(super) mod machine;
pub(super) mod meter;
pub(super) mod tank;
pub(super) mod tracker;

use serde_json::Value;

use super::signal::{Seed, rounded};

/// Names and values, in the order in which the device sends them.
pub(super) type Metrics = Vec<(&'static str, Value)>;

/// What a device of one kind measures: a function of its seed and of the time, in Unix seconds.
pub(super) type Measure = fn(Seed, f64) -> Metrics;

/// A measured value; without decimals it is written as a whole number.
fn number(value: f64, decimals: i32) -> Value {
    if decimals == 0 {
        Value::from(value.round() as i64)
    } else {
        Value::from(rounded(value, decimals))
    }
}

/// The level of a battery in percent, full again after `period` seconds.
fn battery(seed: Seed, t: f64, period: f64) -> Value {
    number(seed.part("battery").drain(t, period, 0.12) * 100.0, 1)
}

#[cfg(test)]
mod tests;
