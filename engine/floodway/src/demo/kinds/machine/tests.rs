//! Tests of `demo::kinds::machine`.

use super::*;
use crate::demo::kinds::tests::numbers;

#[test]
fn vibration_is_mostly_calm_and_bursts_now_and_then() {
    let vibration = numbers(metrics, "vibration", 1.0, 3_600);
    let calm = vibration.iter().filter(|v| **v < 1.5).count();
    let burst = vibration.iter().filter(|v| **v > 4.0).count();
    assert!(calm > 2_400, "{calm}");
    assert!((20..400).contains(&burst), "{burst}");
}
