//! Tests of `id`.

use super::*;

#[test]
fn an_id_is_shown_as_a_decimal_number() {
    assert_eq!(EventId::new(1_846_290_011_021_312).to_string(), "1846290011021312");
}
