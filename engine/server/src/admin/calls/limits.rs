//! What tenants may take: shown, set and forgotten.

use floodway_proto::admin::v1;
use tonic::Status;

use super::args::{bad, not_written, tenant_or_none};
use super::groups::known_at;
use crate::admin::observer::Observer;
use floodway_core::index::{Limits, Overflow};
use floodway_protocol::names::TenantId;
use floodway_sources::control::{self, WriteError};

/// The largest limit but that of connections.
const MOST: u32 = 1_000_000;

pub(super) fn get(
    observer: &Observer,
    asked: &v1::GetLimitsRequest,
) -> Result<v1::GetLimitsResponse, Status> {
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let known_at = known_at(observer)?;
    let own = observer.control.limits(tenant.as_ref());
    Ok(v1::GetLimitsResponse {
        effective: Some(holding(observer, tenant.as_ref())),
        own: own.as_ref().map(shown),
        known_at,
    })
}

pub(super) async fn set(
    observer: &Observer,
    asked: &v1::SetLimitsRequest,
) -> Result<v1::SetLimitsResponse, Status> {
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let limits = read(asked.limits.as_ref())?;
    let written = observer.control.set_limits(tenant.as_ref(), limits).await;
    written.map_err(|error| not_written("limits", error))?;
    Ok(v1::SetLimitsResponse {
        effective: Some(holding(observer, tenant.as_ref())),
    })
}

pub(super) async fn clear(
    observer: &Observer,
    asked: &v1::ClearLimitsRequest,
) -> Result<v1::ClearLimitsResponse, Status> {
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let cleared = match observer.control.clear_limits(tenant.as_ref()).await {
        Ok(()) => true,
        Err(WriteError::NotFound) => false,
        Err(error) => return Err(not_written("limits", error)),
    };
    Ok(v1::ClearLimitsResponse {
        effective: Some(holding(observer, tenant.as_ref())),
        cleared,
    })
}

/// Limits that hold, as the API has them.
pub(super) fn effective(limits: &Limits) -> v1::TenantLimits {
    let number = |n: usize| Some(u32::try_from(n).unwrap_or(u32::MAX));
    let overflow = match limits.overflow {
        Overflow::DropNewest => v1::OverflowPolicy::DropNewest,
        Overflow::DropOldest => v1::OverflowPolicy::DropOldest,
        Overflow::Latest => v1::OverflowPolicy::Latest,
        Overflow::Disconnect => v1::OverflowPolicy::Disconnect,
    };
    v1::TenantLimits {
        connections_per_tenant: Some(limits.connections),
        queue_size: number(limits.queue_size.get()),
        overflow: overflow.into(),
        filter_ids: number(limits.filter_ids),
        client_messages_per_second: Some(limits.client_messages_per_second),
    }
}

fn holding(observer: &Observer, tenant: Option<&TenantId>) -> v1::TenantLimits {
    let index = observer.index();
    effective(&match tenant {
        Some(tenant) => index.limits_of(tenant),
        None => index.default_limits(),
    })
}

fn read(asked: Option<&v1::TenantLimits>) -> Result<control::Limits, Status> {
    let asked = asked.ok_or_else(|| bad("limits", "must be given"))?;
    let limits = control::Limits {
        connections_per_tenant: asked.connections_per_tenant,
        queue_size: within("limits.queue_size", asked.queue_size)?,
        overflow: overflow(asked.overflow)?,
        filter_ids: within("limits.filter_ids", asked.filter_ids)?,
        client_messages_per_second: within(
            "limits.client_messages_per_second",
            asked.client_messages_per_second,
        )?,
    };
    if limits == control::Limits::default() {
        return Err(bad("limits", "at least one must be set"));
    }
    Ok(limits)
}

fn within(field: &str, value: Option<u32>) -> Result<Option<u32>, Status> {
    match value {
        Some(value) if !(1..=MOST).contains(&value) => {
            Err(bad(field, format!("must be from 1 to {MOST}, is {value}")))
        }
        value => Ok(value),
    }
}

fn overflow(asked: i32) -> Result<Option<control::Overflow>, Status> {
    Ok(match v1::OverflowPolicy::try_from(asked) {
        Err(_) => return Err(bad("limits.overflow", format!("{asked} is not known"))),
        Ok(v1::OverflowPolicy::Unspecified) => None,
        Ok(v1::OverflowPolicy::DropNewest) => Some(control::Overflow::DropNewest),
        Ok(v1::OverflowPolicy::DropOldest) => Some(control::Overflow::DropOldest),
        Ok(v1::OverflowPolicy::Latest) => Some(control::Overflow::Latest),
        Ok(v1::OverflowPolicy::Disconnect) => Some(control::Overflow::Disconnect),
    })
}

fn shown(limits: &control::Limits) -> v1::TenantLimits {
    let overflow = match limits.overflow {
        None => v1::OverflowPolicy::Unspecified,
        Some(control::Overflow::DropNewest) => v1::OverflowPolicy::DropNewest,
        Some(control::Overflow::DropOldest) => v1::OverflowPolicy::DropOldest,
        Some(control::Overflow::Latest) => v1::OverflowPolicy::Latest,
        Some(control::Overflow::Disconnect) => v1::OverflowPolicy::Disconnect,
    };
    v1::TenantLimits {
        connections_per_tenant: limits.connections_per_tenant,
        queue_size: limits.queue_size,
        overflow: overflow.into(),
        filter_ids: limits.filter_ids,
        client_messages_per_second: limits.client_messages_per_second,
    }
}
