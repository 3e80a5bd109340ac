//! Tests of `shard::filter`.

use super::*;

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

#[test]
fn giving_up_the_last_device_leaves_nothing_not_everything() {
    let mut filter = Filter::default();
    filter.remove(&Names::Device(device("A")));
    assert!(filter.wants_all_devices(), "nothing was named yet");
    filter.add(&Names::Devices(vec![device("A"), device("A")]), 10).unwrap();
    assert_eq!(filter.devices(), [device("A")]);
    filter.remove(&Names::Device(device("A")));
    assert!(!filter.wants_all_devices() && filter.devices().is_empty());
}

#[test]
fn a_filter_is_bounded_and_an_empty_list_of_metrics_means_all() {
    let mut filter = Filter::default();
    assert!(filter.clone().add(&Names::Devices(vec![device("A"), device("B")]), 1).is_err());
    assert!(filter.set_metrics(vec!["a".into(), "b".into()], 1).is_err());
    filter.set_metrics(vec!["a".into()], 1).unwrap();
    assert_eq!(filter.metrics().unwrap().names().len(), 1);
    filter.set_metrics(Vec::new(), 1).unwrap();
    assert!(filter.metrics().is_none());
}
