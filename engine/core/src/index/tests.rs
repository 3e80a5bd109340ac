//! Permits, limits and tenants while streams come and go at once.

use super::*;

fn index(per_tenant: u32, gateway: u32) -> Index {
    let limits = Limits { connections: per_tenant, ..Limits::default() };
    Index::new(gateway, limits)
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

#[test]
fn a_limit_is_exact_under_a_race_and_a_permit_comes_back() {
    let index = index(10, 1000);
    let permits: Vec<ConnectionPermit> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..50).map(|_| scope.spawn(|| index.enter(&tenant("T")))).collect();
        racers.into_iter().filter_map(|racer| racer.join().unwrap().ok()).collect()
    });
    assert_eq!((permits.len(), index.connections()), (10, 10));
    assert!(matches!(index.enter(&tenant("T")), Err(NoPermit::Tenant { limit: 10 })));
    assert!(index.enter(&tenant("U")).is_ok(), "another tenant is not limited");
    drop(permits);
    assert_eq!(index.connections(), 0);
    assert!(index.enter(&tenant("T")).is_ok());
}

#[test]
fn an_onlooker_refuses_no_stream_and_keeps_the_tenant() {
    let index = index(1, 1);
    let onlookers = [index.look_on(&tenant("T")), index.look_on(&tenant("T"))];
    let t = index.find("T").unwrap();
    assert_eq!((t.connections(), index.connections()), (0, 0));
    let stream = index.enter(&tenant("T")).expect("the only permit is free");
    let third = index.look_on(&tenant("T"));
    assert_eq!((t.connections(), index.connections()), (1, 1));
    assert!(index.enter(&tenant("T")).is_err());
    drop(stream);
    drop(onlookers);
    assert!(!t.is_empty() && !index.retire(&t), "an onlooker is left");
    drop(third);
    assert!(t.is_empty() && index.retire(&t));
}

fn connections(connections: u32) -> OwnLimits {
    OwnLimits { connections: Some(connections), ..OwnLimits::default() }
}

#[test]
fn a_limit_takes_effect_at_once_and_a_lower_one_ends_no_stream() {
    let index = index(1, 1000);
    let (t, u) = (tenant("T"), tenant("U"));
    let first = index.enter(&t).unwrap();
    index.set_limits(Some(&t), connections(2)).unwrap();
    let second = index.enter(&t).unwrap();
    index.set_limits(None, connections(5)).unwrap();
    assert_eq!(index.enter(&t).unwrap_err(), NoPermit::Tenant { limit: 2 });
    index.set_limits(Some(&t), connections(1)).unwrap();
    assert_eq!(first.tenant().connections(), 2, "no stream is ended");
    drop(second);
    assert_eq!(index.enter(&t).unwrap_err(), NoPermit::Tenant { limit: 1 });
    let of_u: Vec<ConnectionPermit> = (0..5).map(|_| index.enter(&u).unwrap()).collect();
    assert_eq!(index.enter(&u).unwrap_err(), NoPermit::Tenant { limit: 5 });
    index.set_limits(Some(&t), OwnLimits::default()).unwrap();
    assert_eq!(first.tenant().limits().connections, 5, "the default again");
    drop(of_u);
}

#[test]
fn limits_reach_every_tenant_that_comes_meanwhile() {
    let index = index(1, 100_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for limit in 1..=200 {
                index.set_limits(None, connections(limit)).unwrap();
            }
        });
        for thread in 0..2 {
            let index = &index;
            scope.spawn(move || {
                for n in 0..200 {
                    drop(index.enter(&tenant(&format!("{thread}-{n}"))));
                }
            });
        }
    });
    let limits = index.tenants().into_iter();
    let limits: Vec<u32> = limits.map(|tenant| tenant.limits().connections).collect();
    assert_eq!(limits, [200; 400]);
}

#[test]
fn the_gateways_own_limit_holds_over_all_tenants() {
    let index = index(0, 2);
    let held = [index.enter(&tenant("A")).unwrap(), index.enter(&tenant("B")).unwrap()];
    assert!(matches!(index.enter(&tenant("C")), Err(NoPermit::Gateway)));
    assert_eq!(index.find("C").unwrap().connections(), 0, "the tenant's permit is released");
    drop(held);
}

#[test]
fn a_tenant_leaves_only_while_it_is_empty() {
    let index = index(10, 10);
    let permit = index.enter(&tenant("T")).unwrap();
    let first = Arc::clone(permit.tenant());
    assert!(!index.retire(&first));
    drop(permit);
    assert!(index.retire(&first));
    assert!(index.find("T").is_none());
    let again = index.enter(&tenant("T")).unwrap();
    assert!(!Arc::ptr_eq(again.tenant(), &first));
    assert_eq!(index.tenants().len(), 1);
}

#[test]
fn entering_and_retiring_at_once_never_leaves_a_permit_in_a_tenant_that_is_gone() {
    let index = index(0, 1000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let permit = index.enter(&tenant("T")).unwrap();
                    let found = index.find("T").expect("a tenant with a permit is in the index");
                    assert!(Arc::ptr_eq(&found, permit.tenant()));
                    drop(permit);
                    index.retire(&found);
                }
            });
        }
    });
    assert_eq!(index.connections(), 0);
}
