//! Tests of `cli::limits`.

use super::*;

fn set() -> Set {
    Set {
        whose: Whose { tenant: Some("acme".to_owned()), default: false },
        connections_per_tenant: None,
        queue_size: Some(500),
        overflow: Some(Overflow::Latest),
        overflow_allowed: Vec::new(),
        filter_ids: None,
        client_messages_per_second: None,
        replace: false,
    }
}

#[test]
fn what_is_not_named_stays() {
    let before = TenantLimits { connections_per_tenant: Some(0), queue_size: Some(1), ..TenantLimits::default() };
    let after = set().over(before);
    assert_eq!(after.connections_per_tenant, Some(0));
    assert_eq!(after.queue_size, Some(500));
    assert_eq!(after.overflow(), OverflowPolicy::Latest);
    assert_eq!(after.filter_ids, None);
    let allowed = Set { overflow_allowed: vec![Overflow::Latest, Overflow::CatchUp], ..set() };
    let before = allowed.over(after);
    assert_eq!(set().over(before.clone()), before);
    assert_eq!(before.overflow_allowed().collect::<Vec<_>>(), [OverflowPolicy::Latest, OverflowPolicy::CatchUp]);
}

#[test]
fn each_limit_names_its_origin() {
    let own = set().over(TenantLimits::default());
    let effective = TenantLimits {
        connections_per_tenant: Some(0),
        overflow_allowed: vec![1, 2, 3, 4, 5],
        ..own.clone()
    };
    let text = limits("acme", Some(&effective), Some(&own));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "limits of acme");
    assert_eq!(lines[2], "connections-per-tenant      no limit  default");
    assert_eq!(lines[3], "queue-size                       500  set for this tenant");
    assert_eq!(lines[5], "overflow-allowed                 all  default");
    let some = TenantLimits { overflow_allowed: vec![3, 5], ..effective.clone() };
    let text = limits("acme", Some(&some), Some(&some));
    assert!(text.contains("overflow-allowed            latest,catch_up  set for this tenant\n"), "{text}");
    assert!(limits("", Some(&effective), None).contains("configuration"));
}
