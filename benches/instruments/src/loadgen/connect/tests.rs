//! Tests of `instruments::loadgen::connect`.

use super::*;

#[test]
fn quantiles_are_times_that_were_seen() {
    let times: Vec<u64> = (1..=200).rev().collect();
    assert_eq!([0.5, 0.99, 1.0].map(|part| quantile(&times, part)), [100, 198, 200]);
    assert_eq!((quantile(&[7], 0.5), quantile(&[], 0.5)), (7, 0));
    let connect = super::times(&times);
    assert_eq!((connect.first100_p50_us, connect.last100_p50_us), (150, 50));
}
