//! What tenants may take: shown, set and forgotten.

use std::num::NonZeroUsize;

use floodway_proto::admin::v1;

use super::args::{bad, not_written, tenant_or_none};
use super::groups::known_at;
use super::service::{Answer, Service};
use crate::admin::observer::Observer;
use floodway_core::index::{Overflow, OwnLimits, Policies};
use floodway_protocol::names::TenantId;
use floodway_sources::control::WriteError;

/// The largest limit but that of connections.
const MOST: u32 = 1_000_000;

pub(super) async fn get(service: &Service, asked: v1::GetLimitsRequest) -> Answer<v1::GetLimitsResponse> {
    let observer = &service.observer;
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let known_at = known_at(observer)?;
    let own = observer.control.limits(tenant.as_ref());
    Ok(v1::GetLimitsResponse {
        effective: Some(effective(observer, tenant.as_ref())),
        own: own.map(shown),
        known_at,
    })
}

pub(super) async fn set(service: &Service, asked: v1::SetLimitsRequest) -> Answer<v1::SetLimitsResponse> {
    let observer = &service.observer;
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let limits = read(asked.limits)?;
    let written = observer.control.set_limits(tenant.as_ref(), limits).await;
    written.map_err(|error| not_written("limits", error))?;
    Ok(v1::SetLimitsResponse { effective: Some(effective(observer, tenant.as_ref())) })
}

pub(super) async fn clear(service: &Service, asked: v1::ClearLimitsRequest) -> Answer<v1::ClearLimitsResponse> {
    let observer = &service.observer;
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let cleared = match observer.control.clear_limits(tenant.as_ref()).await {
        Ok(()) => true,
        Err(WriteError::NotFound) => false,
        Err(error) => return Err(not_written("limits", error)),
    };
    Ok(v1::ClearLimitsResponse { effective: Some(effective(observer, tenant.as_ref())), cleared })
}

/// The API's word for a policy. It has the same name in upper case, so a new policy needs no line here.
pub fn policy(overflow: Overflow) -> v1::OverflowPolicy {
    let name = format!("OVERFLOW_POLICY_{}", overflow.name().to_uppercase());
    v1::OverflowPolicy::from_str_name(&name).unwrap_or_default()
}

/// The policy that the API's word means; none if it is not said.
pub fn overflow(word: v1::OverflowPolicy) -> Option<Overflow> {
    let mut all = Overflow::NAMED.into_iter().map(|(_, overflow)| overflow);
    all.find(|&overflow| policy(overflow) == word)
}

/// Limits as the API has them: those that are set.
pub(super) fn shown(limits: impl Into<OwnLimits>) -> v1::TenantLimits {
    let limits = limits.into();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    v1::TenantLimits {
        connections_per_tenant: limits.connections,
        queue_size: limits.queue_size.map(NonZeroUsize::get).map(number),
        overflow: limits.overflow.map(policy).unwrap_or_default().into(),
        overflow_allowed: limits
            .overflow_allowed
            .iter()
            .flat_map(|allowed| allowed.iter())
            .map(|p| policy(p).into())
            .collect(),
        filter_ids: limits.filter_ids.map(number),
        client_messages_per_second: limits.client_messages_per_second,
    }
}

fn effective(observer: &Observer, tenant: Option<&TenantId>) -> v1::TenantLimits {
    shown(observer.index().limits().of(tenant))
}

fn read(asked: Option<v1::TenantLimits>) -> Answer<OwnLimits> {
    let asked = asked.ok_or_else(|| bad("limits", "must be given"))?;
    let queue_size = within("limits.queue_size", asked.queue_size)?;
    let policy = known("limits.overflow", asked.overflow)?;
    let allowed = asked.overflow_allowed.iter().enumerate().map(|(nth, &number)| {
        let field = format!("limits.overflow_allowed[{nth}]");
        known(&field, number)?.ok_or_else(|| bad(&field, "must be a policy"))
    });
    let allowed = allowed.collect::<Answer<Policies>>()?;
    let filter_ids = within("limits.filter_ids", asked.filter_ids)?;
    let limits = OwnLimits {
        connections: asked.connections_per_tenant,
        queue_size: queue_size.and_then(|size| NonZeroUsize::new(size as usize)),
        overflow: policy,
        overflow_allowed: (!allowed.is_empty()).then_some(allowed),
        filter_ids: filter_ids.map(|ids| ids as usize),
        client_messages_per_second: within("limits.client_messages_per_second", asked.client_messages_per_second)?,
    };
    if limits.is_empty() {
        return Err(bad("limits", "at least one must be set"));
    }
    Ok(limits)
}

/// The policy with this number; none if it is not said.
fn known(field: &str, number: i32) -> Answer<Option<Overflow>> {
    let word = v1::OverflowPolicy::try_from(number);
    word.map(overflow).map_err(|_| bad(field, format!("{number} is not known")))
}

fn within(field: &str, value: Option<u32>) -> Answer<Option<u32>> {
    match value {
        Some(value) if !(1..=MOST).contains(&value) => Err(bad(field, format!("must be from 1 to {MOST}, is {value}"))),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests;
