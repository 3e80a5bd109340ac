//! The lists of cohorts while subscribers come and go.

use proptest::prelude::*;

use super::*;
use crate::index::{Index, Limits};
use floodway_protocol::Encoding;
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::TenantId;

/// Everything (with a metric or another), or some of four devices and groups.
fn subscription((metric, devices, groups): (u8, u8, u8)) -> SubscriptionKey {
    let named = |bits: u8| (0..4_u8).filter(move |n| bits >> n & 1 == 1);
    let devices: Vec<_> = named(devices).map(|n| DeviceId::parse(&n.to_string()).unwrap()).collect();
    let groups: Vec<_> = named(groups).map(|n| GroupId::parse(&n.to_string()).unwrap()).collect();
    let mut filter = crate::shard::Filter::default();
    filter.set_metrics(vec![metric.to_string()], 1).unwrap();
    if !devices.is_empty() {
        filter.add(&Names::Devices(devices), 4).unwrap();
    }
    if !groups.is_empty() {
        filter.add(&Names::Groups(groups), 4).unwrap();
    }
    SubscriptionKey { filter, encoding: Encoding::Ws, pace: None }
}

/// Checks that the lists hold each cohort where it says, and nothing else.
fn check(tenant: &TenantCohorts) {
    let mut listed = 0;
    for (id, cohort) in &tenant.cohorts {
        let filter = &cohort.key.filter;
        let everything = filter.wants_all_devices().then_some(&tenant.everything);
        let devices = filter.devices().iter().map(|name| &tenant.by_device[name]);
        let groups = filter.groups().iter().map(|name| &tenant.by_group[name]);
        for (nth, list) in everything.into_iter().chain(devices).chain(groups).enumerate() {
            let entry = list[cohort.positions[nth] as usize];
            assert_eq!((entry.cohort as usize, entry.nth as usize), (id, nth));
            listed += 1;
        }
    }
    let by_name = tenant.by_device.values().chain(tenant.by_group.values());
    let lists = by_name.map(|list| {
        assert!(!list.is_empty(), "a name that nobody wants is forgotten");
        list.len()
    });
    assert_eq!(listed, tenant.everything.len() + lists.sum::<usize>());
}

proptest! {
    #[test]
    fn a_cohort_is_listed_under_what_it_wants_and_nowhere_else(
        steps in prop::collection::vec((any::<bool>(), 0_usize..20, (0_u8..4, 0_u8..16, 0_u8..4)), 1..60)
    ) {
        let index = Index::new(1, Limits::default());
        let permit = index.enter(&TenantId::parse("T").unwrap()).unwrap();
        let mut tenant = TenantCohorts::new(0, Arc::clone(permit.tenant()), 0, 0);
        let mut cohorts = Vec::new();
        for (joins, nth, wanted) in steps {
            if joins || cohorts.is_empty() {
                cohorts.push(tenant.join(SubscriberKey(0), subscription(wanted)).0);
            } else {
                let cohort = cohorts.swap_remove(nth % cohorts.len());
                tenant.leave(cohort, 0, |_| {});
            }
            check(&tenant);
        }
    }
}
