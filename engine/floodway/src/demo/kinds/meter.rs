//! An electricity meter: power by the time of day, and a count of energy that only grows.

use super::{Metrics, number};
use crate::demo::signal::{Seed, day, day_sum};

/// kW on average, and how much more it is in the afternoon.
const MEAN: f64 = 38.0;
const SWING: f64 = 24.0;

/// When the meter was put in: 2025-01-01T00:00:00Z.
const SINCE: f64 = 1_735_689_600.0;

pub(in crate::demo) fn metrics(seed: Seed, t: f64) -> Metrics {
    let share = seed.part("share").within(0.6, 1.4);
    let planned = MEAN + SWING * day(t);
    let power = share * planned * (1.0 + 0.06 * seed.part("power").drift(t, 45.0));
    let kilowatt_seconds = MEAN * (t - SINCE) + SWING * (day_sum(t) - day_sum(SINCE));
    let voltage = 230.0 + 2.5 * seed.part("voltage").drift(t, 90.0) - 0.02 * power;
    vec![
        ("power_kw", number(power, 2)),
        ("energy_kwh", number(share * kilowatt_seconds / 3_600.0, 3)),
        ("voltage", number(voltage, 1)),
        ("frequency", number(50.0 + 0.03 * seed.part("frequency").drift(t, 20.0), 3)),
    ]
}

#[cfg(test)]
mod tests;
