//! Tests of `demo::kinds::climate`.

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
    let spread = |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let correlation = together / (spread(&temperature, warm) * spread(&humidity, dry)).sqrt();
    assert!(correlation < -0.7, "{correlation}");
}

#[test]
fn a_cold_store_stays_cold() {
    let temperature = numbers(cold_store, "temperature", 60.0, 1440);
    assert!(temperature.iter().all(|t| (0.0..8.0).contains(t)));
}
