//! Tests of `mqtt::subscriptions::entry`.

use super::*;
use crate::router::topic_of;

#[test]
fn a_filter_matches_the_topics_of_its_tenant() {
    let filter = filter_of(&TenantId::parse("T").unwrap());
    assert_eq!(filter, "tenant/T/device/+/telemetry");
    assert_eq!(filter.replace('+', "D"), topic_of("T", "D"));
    assert_eq!(ALL_TENANTS.replacen('+', "T", 1), filter);
}
