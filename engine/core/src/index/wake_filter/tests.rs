//! Tests of `index::wake_filter`.

use super::*;

#[test]
fn a_shard_is_woken_for_the_devices_it_names_until_it_no_longer_does() {
    let wake_filter = WakeFilter::new();
    let devices: Vec<String> = (0..100).map(|n| format!("d{n}")).collect();
    let slot = Slot::of(&devices[0]);
    wake_filter.set(5, Some(slot), true);
    for device in &devices {
        let wakes = if Slot::of(device) == slot { 1 << 5 } else { 0 };
        assert_eq!(wake_filter.by(device), wakes);
    }
    wake_filter.set(1, None, true);
    assert_eq!(wake_filter.by(&devices[0]), 1 << 1 | 1 << 5);
    wake_filter.set(5, Some(slot), false);
    assert_eq!(wake_filter.by(&devices[0]), 1 << 1);
}
