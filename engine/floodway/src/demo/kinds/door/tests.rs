//! Tests of `demo::kinds::door`.

use super::*;
use crate::demo::kinds::tests::{numbers, series};

#[test]
fn every_opening_is_counted_once() {
    let open = series(metrics, "open", 0.25, 40_000);
    let openings = numbers(metrics, "openings_today", 0.25, 40_000);
    let seen = open.windows(2).filter(|pair| pair[0] == false && pair[1] == true);
    let counted = openings.last().expect("some") - openings[0];
    assert_eq!(seen.count() as f64, counted);
    assert!(counted > 20.0, "{counted}");
    assert!(openings.is_sorted());
}
