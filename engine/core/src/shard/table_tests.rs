//! A table's lists, whoever comes and goes.

use proptest::prelude::*;

use super::*;
use crate::event::{Encoding, View};
use crate::index::{Index, Limits};
use floodway_protocol::names::TenantId;

/// Everything (with a metric or another), or some of four devices and groups.
fn spec((metric, devices, groups): (u8, u8, u8)) -> SubscriptionKey {
    let named = |bits: u8| (0..4_u8).filter(move |n| bits >> n & 1 == 1);
    let devices: Vec<_> = named(devices)
        .map(|n| DeviceId::parse(&n.to_string()).unwrap())
        .collect();
    let groups: Vec<_> = named(groups)
        .map(|n| GroupId::parse(&n.to_string()).unwrap())
        .collect();
    let mut filter = crate::shard::Filter::default();
    filter.set_metrics(vec![metric.to_string()], 1).unwrap();
    if !devices.is_empty() {
        filter.add_devices(&devices, 4).unwrap();
    }
    if !groups.is_empty() {
        filter.add_groups(&groups, 4).unwrap();
    }
    let view = View {
        metrics: filter.metrics().cloned(),
        encoding: Encoding::Ws,
    };
    SubscriptionKey { filter, view }
}

/// Checks that the lists hold each cohort where it says, and nothing else.
fn check(table: &Table) {
    let mut listed = 0;
    for (id, cohort) in &table.cohorts {
        let filter = &cohort.spec.filter;
        let everything = filter.wants_all_devices().then_some(&table.everything);
        let devices = filter.devices().iter().map(|name| &table.by_device[name]);
        let groups = filter.groups().iter().map(|name| &table.by_group[name]);
        for (nth, list) in everything
            .into_iter()
            .chain(devices)
            .chain(groups)
            .enumerate()
        {
            let entry = list[cohort.places[nth] as usize];
            assert_eq!((entry.cohort as usize, entry.nth as usize), (id, nth));
            listed += 1;
        }
    }
    let by_name = table.by_device.values().chain(table.by_group.values());
    let lists = by_name.map(|list| {
        assert!(!list.is_empty(), "a name that nobody wants is forgotten");
        list.len()
    });
    assert_eq!(listed, table.everything.len() + lists.sum::<usize>());
}

proptest! {
    #[test]
    fn a_cohort_is_listed_under_what_it_wants_and_nowhere_else(
        steps in prop::collection::vec((any::<bool>(), 0_usize..20, (0_u8..4, 0_u8..16, 0_u8..4)), 1..60)
    ) {
        let index = Index::new(1, Limits::default());
        let place = index.enter(&TenantId::parse("T").unwrap()).unwrap();
        let mut table = Table::new(Arc::clone(place.tenant()), 0);
        let mut cohorts = Vec::new();
        for (joins, nth, wanted) in steps {
            if joins || cohorts.is_empty() {
                cohorts.push(table.join(Key(0), spec(wanted)).0);
            } else {
                let cohort = cohorts.swap_remove(nth % cohorts.len());
                table.leave(cohort, 0, |_| {});
            }
            check(&table);
        }
    }
}
