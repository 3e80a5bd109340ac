//! Tests of `cli`.

use super::*;

#[test]
fn the_commands_and_their_flags_fit_together() {
    Floodway::command().debug_assert();
}

#[test]
fn the_variables_of_flags_are_known() {
    assert!(variables().contains("FLOODWAY_ADMIN_CA"));
}
