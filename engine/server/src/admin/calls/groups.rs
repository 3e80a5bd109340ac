//! A tenant's groups: listed, shown, put and deleted.

use std::ops::Bound;

use floodway_proto::admin::v1;
use prost_types::Timestamp;
use tonic::Status;

use super::args::{bad, name, names, not_written, tenant};
use super::paging::{self, List};
use super::service::{Answer, Service};
use crate::admin::observer::Observer;
use floodway_protocol::names::{DeviceId, GroupId, TenantId};
use floodway_sources::control::{Age, Group};

pub(super) async fn list(service: &Service, asked: v1::ListGroupsRequest) -> Answer<v1::ListGroupsResponse> {
    let observer = &service.observer;
    let tenant = tenant("tenant_id", &asked.tenant_id)?;
    let size = paging::size(asked.page_size)?;
    let list = List::new(("groups", tenant.as_str()));
    let after = list.after(&asked.page_token)?.map(GroupId::parse).transpose();
    let after = after.map_err(|_| paging::foreign())?;
    let known_at = known_at(observer)?;
    let groups = observer.control.groups(&tenant);
    let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let rest = groups.by_name().range::<GroupId, _>((start, Bound::Unbounded));
    let (page, last) = paging::page(rest, size, |(id, _)| id.to_string());
    let page = page.into_iter();
    Ok(v1::ListGroupsResponse {
        groups: page.map(|(id, group)| summary(&tenant, id, group)).collect(),
        next_page_token: list.token(last.as_deref()),
        known_at,
    })
}

pub(super) async fn get(service: &Service, asked: v1::GetGroupRequest) -> Answer<v1::GetGroupResponse> {
    let tenant = tenant("tenant_id", &asked.tenant_id)?;
    let id = name("group_id", &asked.group_id, GroupId::parse)?;
    let known_at = known_at(&service.observer)?;
    let found = service.observer.control.group(&tenant, &id);
    let found = found.ok_or_else(|| Status::not_found("group_id: the tenant has no such group"))?;
    let device_ids = found.devices().iter().map(DeviceId::to_string);
    Ok(v1::GetGroupResponse {
        group: Some(v1::Group {
            tenant_id: asked.tenant_id,
            group_id: asked.group_id,
            device_ids: device_ids.collect(),
        }),
        known_at,
    })
}

pub(super) async fn put(service: &Service, asked: v1::PutGroupRequest) -> Answer<v1::PutGroupResponse> {
    let asked = asked.group.ok_or_else(|| bad("group", "must be given"))?;
    let tenant = tenant("group.tenant_id", &asked.tenant_id)?;
    let id = name("group.group_id", &asked.group_id, GroupId::parse)?;
    let mut devices = names("group.device_ids", &asked.device_ids, DeviceId::parse)?;
    let control = &service.observer.control;
    let created = control.group(&tenant, &id).is_none();
    let written = control.put_group(&tenant, &id, devices.iter().map(DeviceId::as_str)).await;
    // Each name was looked at above, so it is their number that is wrong.
    written.map_err(|error| not_written("group", error))?;
    devices.sort_unstable();
    devices.dedup();
    Ok(v1::PutGroupResponse {
        group: Some(v1::GroupSummary {
            tenant_id: asked.tenant_id,
            group_id: asked.group_id,
            devices: devices.len() as u64,
        }),
        created,
    })
}

pub(super) async fn delete(service: &Service, asked: v1::DeleteGroupRequest) -> Answer<v1::DeleteGroupResponse> {
    let tenant = tenant("tenant_id", &asked.tenant_id)?;
    let id = name("group_id", &asked.group_id, GroupId::parse)?;
    let deleted = service.observer.control.delete_group(&tenant, &id).await;
    deleted.map_err(|error| not_written("group", error))?;
    Ok(v1::DeleteGroupResponse {})
}

/// When what is held of limits and groups was last known to be the broker's; none if it is now.
///
/// # Errors
/// If none were ever read: nobody knows then what was set.
pub(super) fn known_at(observer: &Observer) -> Answer<Option<Timestamp>> {
    match observer.control.age() {
        Age::Current => Ok(None),
        Age::Since(at) => Ok(Some(at.into())),
        Age::Unknown => Err(Status::unavailable("the limits and groups of the control store were not read yet")),
    }
}

fn summary(tenant: &TenantId, id: &GroupId, group: &Group) -> v1::GroupSummary {
    v1::GroupSummary {
        tenant_id: tenant.to_string(),
        group_id: id.to_string(),
        devices: group.devices().len() as u64,
    }
}
