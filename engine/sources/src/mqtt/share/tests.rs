//! Tests of `mqtt::share`.

use super::*;

#[test]
fn each_tenant_has_one_connection_and_each_connection_its_part() {
    let tenants: Vec<_> = (0..1000).map(|n| TenantId::parse(&format!("T{n}")).unwrap()).collect();
    for connections in [1, 2, 3, 16] {
        let shares: Vec<_> = Share::all(connections).collect();
        assert_eq!(shares.len(), usize::from(connections));
        for tenant in &tenants {
            assert_eq!(shares.iter().filter(|share| share.has(tenant)).count(), 1, "{tenant} {connections}");
        }
        let even = tenants.len() / shares.len();
        for share in shares {
            let its_own = tenants.iter().filter(|tenant| share.has(tenant)).count();
            assert!((even / 2..even * 2).contains(&its_own), "{share:?}: {its_own}");
        }
    }
}

#[test]
fn where_a_tenant_belongs_never_changes() {
    assert_eq!(hash("acme"), 0x0724_d383_f4f6_de0f);
    let ids: Vec<_> = Share::all(2).map(|share| share.client_id("G".to_owned())).collect();
    assert_eq!(ids, ["G-1of2", "G-2of2"]);
    assert_eq!(Share::WHOLE.client_id("G".to_owned()), "G");
}
