//! Tests of `demo::kinds::meter`.

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
