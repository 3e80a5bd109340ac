//! Tests of `gateway::memory`.

use super::*;

#[test]
fn once_the_number_has_doubled_or_halved_and_rests() {
    let mut crowd = Crowd::default();
    for (live, has_changed) in [
        (100, false),
        (0, false),
        (5000, false),
        (10_000, false),
        (10_050, true),
        (10_000, false),
        (6000, false),
        (6000, false),
        (4900, false),
        (4900, true),
        (0, false),
        (0, true),
        (0, false),
    ] {
        assert_eq!(crowd.has_changed(live), has_changed, "{live} live");
    }
}
