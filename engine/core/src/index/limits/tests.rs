//! Tests of `index::limits`.

use super::*;

fn connections(connections: u32) -> OwnLimits {
    OwnLimits { connections: Some(connections), ..OwnLimits::default() }
}

#[test]
fn a_tenants_own_stand_over_the_default_and_that_over_the_configured() {
    let (t, u) = (TenantId::parse("T").unwrap(), TenantId::parse("U").unwrap());
    let own = OwnLimits { filter_ids: Some(3), ..OwnLimits::default() };
    let book = LimitBook::new(Limits::default());
    let book = book.with(Some(&t), own).unwrap();
    assert_eq!((book.of(Some(&t)).connections, book.of(Some(&t)).filter_ids), (10, 3));
    let book = book.with(None, connections(5)).unwrap();
    assert_eq!((book.of(Some(&t)).connections, book.of(Some(&t)).filter_ids), (5, 3));
    assert_eq!((book.of(Some(&u)).connections, book.of(Some(&u)).filter_ids), (5, 1000));
    let book = book.with(Some(&t), connections(7)).unwrap();
    assert_eq!((book.of(Some(&t)).connections, book.of(Some(&t)).filter_ids), (7, 1000), "set whole");
    assert_eq!(book.tenants(), [(t.clone(), connections(7))]);
    let book = book.with(Some(&t), OwnLimits::default()).unwrap();
    let book = book.with(None, OwnLimits::default()).unwrap();
    assert_eq!(book.of(Some(&t)), Limits::default());
    assert!(book.tenants().is_empty());
}

#[test]
fn a_policy_is_found_by_its_name() {
    for name in ["drop_newest", "drop_oldest", "latest", "disconnect", "catch_up"] {
        assert_eq!(Overflow::named(name).unwrap().name(), name);
    }
    assert_eq!(Overflow::named("Latest"), None);
}

#[test]
fn a_stream_may_choose_what_is_allowed_and_what_holds_anyway() {
    let limits = Limits::default();
    assert_eq!(limits.choices().to_string(), "drop_newest, drop_oldest, latest, disconnect, catch_up");
    let latest: Policies = [Overflow::Latest].into_iter().collect();
    let own = OwnLimits { overflow_allowed: Some(latest), ..OwnLimits::default() };
    let limits = own.over(limits);
    assert_eq!(limits.choices().to_string(), "drop_newest, latest");
    assert!(!limits.choices().contains(Overflow::Disconnect));
    assert_eq!(own.over(Limits { overflow: Overflow::Latest, ..limits }).choices(), latest);
    assert!(Policies::from_iter([]).is_empty());
}

#[test]
fn only_so_many_tenants_have_limits_of_their_own() {
    let mut book = LimitBook::new(Limits::default());
    for n in 0..OWN_LIMITS_MAX {
        let tenant = TenantId::parse(&format!("T{n}")).unwrap();
        book.tenants.insert(tenant, connections(1));
    }
    let (one, more) = (TenantId::parse("T0").unwrap(), TenantId::parse("U").unwrap());
    assert_eq!(book.with(Some(&more), connections(1)).unwrap_err(), TooManyLimits);
    let book = book.with(Some(&one), OwnLimits::default()).unwrap();
    assert!(book.with(Some(&more), connections(1)).is_ok());
}
