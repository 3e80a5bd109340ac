//! Tests of `source::tracked`.

use super::*;
use floodway_core::index::Limits;
use floodway_protocol::names::TenantId;

#[test]
fn a_tenant_leaves_every_source_once_nobody_holds_a_permit() {
    let index = Index::new(10, Limits::default());
    let permit = index.enter(&TenantId::parse("T").unwrap()).unwrap();
    let sources = [0, 1].map(|number| TrackedTenant::new(Arc::clone(permit.tenant()), SourceNumber::new(number)));
    assert!(!sources.iter().any(|tracked| tracked.leave(&index)));
    drop(permit);
    assert!(sources.iter().all(|tracked| tracked.leave(&index)));
}
