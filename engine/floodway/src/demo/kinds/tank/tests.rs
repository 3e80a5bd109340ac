//! Tests of `demo::kinds::tank`.

use super::*;
use crate::demo::kinds::tests::{numbers, series};

#[test]
fn the_level_rises_while_the_pump_runs_and_falls_while_not() {
    let level = numbers(metrics, "level", 10.0, 300);
    let pump = series(metrics, "pump", 10.0, 300);
    for n in 1..level.len() {
        if pump[n - 1] == pump[n] {
            assert_eq!(level[n] > level[n - 1], pump[n] == true, "at {n}");
        }
    }
    assert!(pump.contains(&true.into()) && pump.contains(&false.into()));
}
