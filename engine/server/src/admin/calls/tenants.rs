//! The tenants that the gateway serves.

use std::sync::Arc;

use floodway_proto::admin::v1;
use tonic::Status;

use super::args::tenant;
use super::limits;
use super::paging::{self, List};
use super::service::{Answer, Service};
use crate::admin::observer::Observer;
use floodway_core::index::{Tenant, Upstream};

pub(super) async fn list(service: &Service, asked: v1::ListTenantsRequest) -> Answer<v1::ListTenantsResponse> {
    let observer = &service.observer;
    let size = paging::size(asked.page_size)?;
    let list = List::new("tenants");
    let after = list.after(&asked.page_token)?;
    let mut all = observer.index().tenants();
    all.retain(|tenant| after.is_none_or(|after| tenant.id().as_str() > after));
    all.sort_unstable_by(|one, other| one.id().cmp(other.id()));
    let (page, last) = paging::page(all.iter(), size, |tenant| tenant.id().to_string());
    Ok(v1::ListTenantsResponse {
        tenants: page.into_iter().map(|tenant| shown(observer, tenant)).collect(),
        next_page_token: list.token(last.as_deref()),
    })
}

pub(super) async fn get(service: &Service, asked: v1::GetTenantRequest) -> Answer<v1::GetTenantResponse> {
    let observer = &service.observer;
    let id = tenant("tenant_id", &asked.tenant_id)?;
    let found = observer.index().find(id.as_str());
    let found = found.ok_or_else(|| Status::not_found("tenant_id: the gateway does not serve it now"))?;
    Ok(v1::GetTenantResponse { tenant: Some(shown(observer, &found)) })
}

/// Whether the broker sends the tenant's events now.
pub(super) fn is_subscribed(observer: &Observer, tenant: &Tenant) -> bool {
    observer.source.is_connected() && *tenant.upstream().borrow() == Upstream::Confirmed
}

/// A tenant, as the API has it.
pub(super) fn shown(observer: &Observer, tenant: &Arc<Tenant>) -> v1::Tenant {
    let (counts, refusal) = (tenant.counts(), tenant.refusal());
    let (replay_events, replay_bytes) = tenant.held();
    v1::Tenant {
        tenant_id: tenant.id().to_string(),
        connections: tenant.connections().into(),
        websocket: counts.ws,
        sse: counts.sse,
        limits: Some(limits::shown(tenant.limits())),
        subscribed: is_subscribed(observer, tenant),
        groups: observer.control.groups(tenant.id()).by_name().len() as u64,
        events: tenant.events(),
        delivered: counts.delivered,
        dropped: counts.dropped,
        conflated: counts.conflated,
        sent_bytes: counts.bytes,
        replay_events,
        replay_bytes,
        upstream_refusal: refusal.map(|reason| reason.to_string()).unwrap_or_default(),
    }
}
