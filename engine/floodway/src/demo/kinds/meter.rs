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
        (
            "frequency",
            number(50.0 + 0.03 * seed.part("frequency").drift(t, 20.0), 3),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::kinds::tests::numbers;

    #[test]
    fn the_energy_is_what_the_power_adds_up_to() {
        let energy = numbers(metrics, "energy_kwh", 60.0, 1441);
        assert!(energy.is_sorted_by(|a, b| a < b));
        let power = numbers(metrics, "power_kw", 60.0, 1440);
        let summed: f64 = power.iter().sum::<f64>() / 60.0;
        let counted = energy[1440] - energy[0];
        assert!((summed / counted - 1.0).abs() < 0.05, "{summed} {counted}");
    }
}
