//! Tests of `cli::tenants`.

use super::*;
use floodway_proto::admin::v1::TenantLimits;

fn tenant(id: &str, limit: u32) -> Tenant {
    Tenant {
        tenant_id: id.to_owned(),
        connections: 3,
        websocket: 2,
        sse: 1,
        sent_bytes: 2048,
        subscribed: true,
        limits: Some(TenantLimits { connections_per_tenant: Some(limit), ..TenantLimits::default() }),
        ..Tenant::default()
    }
}

#[test]
fn tenants_stand_in_columns_and_a_further_page_is_mentioned() {
    let answer = ListTenantsResponse {
        tenants: vec![tenant("acme", 10), tenant("a", 0)],
        next_page_token: "more".to_owned(),
    };
    let text = list(&answer);
    let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..5], ["acme", "3", "10", "2", "1"]);
    assert_eq!(lines[2][..3], ["a", "3", "none"]);
    assert!(lines[1].contains(&"KiB") && lines[1].ends_with(&["subscribed"]));
    assert!(text.ends_with("--all shows them\n"));
}

#[test]
fn one_tenant_is_shown_line_by_line() {
    let text = one(&tenant("acme", 10));
    assert!(text.contains("streams    3 of 10 (2 WebSocket, 1 SSE)\n"), "{text}");
}

#[test]
fn a_tenant_that_the_broker_refuses_is_marked() {
    let refused = Tenant {
        subscribed: false,
        upstream_refusal: "not authorized".to_owned(),
        ..tenant("acme", 10)
    };
    assert!(one(&refused).contains("upstream   refused by the broker: not authorized\n"));
    let answer = ListTenantsResponse { tenants: vec![refused], ..ListTenantsResponse::default() };
    assert!(list(&answer).trim_end().ends_with("  refused"));
}
