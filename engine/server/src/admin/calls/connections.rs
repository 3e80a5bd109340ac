//! Live streams: listed, shown and ended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use floodway_proto::admin::v1;
use floodway_proto::admin::v1::disconnect_request::Target;
use tonic::Status;

use super::args::{bad, tenant, tenant_or_none};
use super::paging::{self, List};
use super::service::{Answer, Service};
use crate::admin::observer::Observer;
use floodway_core::index::{ConnectionId, Transport};
use floodway_core::shard::{Connection, Filter, Select};

/// RFC 6455, 5.5: a control frame has 125 bytes at most, and two of a close frame are its code.
const REASON_BYTES: usize = 123;

/// The last second of the year 9999, beyond which a `Timestamp` is not defined.
pub(super) use floodway_protocol::messages::notice::LAST_SECOND as TIMESTAMP_MAX;

pub(super) async fn list(service: &Service, asked: v1::ListConnectionsRequest) -> Answer<v1::ListConnectionsResponse> {
    let observer = &service.observer;
    let tenant = tenant_or_none("tenant_id", &asked.tenant_id)?;
    let transports = transports(asked.transport)?;
    // Numbers of streams are good for one run of one gateway.
    let list = List::new((&observer.identity.id, &asked.tenant_id, asked.transport, &asked.subject));
    let after = list.after(&asked.page_token)?;
    let after = after.map(str::parse::<ConnectionId>).transpose();
    let select = Select {
        tenant,
        transports,
        subject: (!asked.subject.is_empty()).then_some(asked.subject),
        after: after.map_err(|_| paging::foreign())?,
        limit: paging::size(asked.page_size)?,
        ..Select::default()
    };
    let page = observer.streams.list(select).await;
    let next = page.next.map(|last| last.to_string());
    let now = SystemTime::now();
    let connections = page.connections.iter();
    Ok(v1::ListConnectionsResponse {
        connections: connections.map(|one| connection(one, now)).collect(),
        next_page_token: list.token(next.as_deref()),
    })
}

pub(super) async fn get(service: &Service, asked: v1::GetConnectionRequest) -> Answer<v1::GetConnectionResponse> {
    let found = find(&service.observer, &asked.connection_id).await?;
    Ok(v1::GetConnectionResponse { connection: Some(connection(&found, SystemTime::now())) })
}

pub(super) async fn disconnect(service: &Service, asked: v1::DisconnectRequest) -> Answer<v1::DisconnectResponse> {
    if asked.reason.len() > REASON_BYTES {
        return Err(bad("reason", format!("must have at most {REASON_BYTES} bytes")));
    }
    let select = target(asked.target)?;
    let is_one = select.id.is_some();
    let ended = service.observer.streams.end(select, &asked.reason).await;
    if is_one && ended == 0 {
        return Err(no_such_stream());
    }
    Ok(v1::DisconnectResponse { ended })
}

/// The live stream with this id.
pub(super) async fn find(observer: &Observer, id: &str) -> Answer<Connection> {
    if id.is_empty() {
        return Err(bad("connection_id", "must be given"));
    }
    let id: ConnectionId = id.parse().map_err(|_| no_such_stream())?;
    let found = observer.streams.get(id).await;
    found.ok_or_else(no_such_stream)
}

/// The live streams that lag most, at most so many.
pub(super) async fn slowest(observer: &Observer, most: usize) -> Vec<v1::Connection> {
    if most == 0 {
        return Vec::new();
    }
    let select = Select { slowest: true, limit: most, ..Select::default() };
    let page = observer.streams.list(select).await;
    let now = SystemTime::now();
    let slowest = page.connections.iter();
    slowest.map(|one| connection(one, now)).collect()
}

fn target(asked: Option<Target>) -> Answer<Select> {
    let mut select = Select::default();
    match asked {
        None => return Err(bad("target", "connection_id, subject or tenant_id must be given")),
        Some(Target::ConnectionId(id)) if id.is_empty() => return Err(bad("connection_id", "must not be empty")),
        Some(Target::ConnectionId(id)) => select.id = Some(id.parse().map_err(|_| no_such_stream())?),
        Some(Target::Subject(v1::TenantSubject { tenant_id, subject })) => {
            select.tenant = Some(tenant("subject.tenant_id", &tenant_id)?);
            if subject.is_empty() {
                return Err(bad("subject.subject", "must be given"));
            }
            select.subject = Some(subject);
        }
        Some(Target::TenantId(id)) => select.tenant = Some(tenant("tenant_id", &id)?),
    }
    Ok(select)
}

fn no_such_stream() -> Status {
    Status::not_found("connection_id: no live stream has it")
}

fn transports(asked: i32) -> Answer<Vec<Transport>> {
    match v1::Transport::try_from(asked) {
        Ok(v1::Transport::Unspecified) => Ok(Vec::new()),
        Ok(v1::Transport::Websocket) => Ok(vec![Transport::WebSocket]),
        Ok(v1::Transport::Sse) => Ok(vec![Transport::Sse, Transport::SseH2]),
        Err(_) => Err(bad("transport", format!("{asked} is not known"))),
    }
}

/// What carries a stream, as the API has it.
pub(super) fn transport(transport: Transport) -> v1::Transport {
    match transport {
        Transport::WebSocket => v1::Transport::Websocket,
        Transport::Sse | Transport::SseH2 => v1::Transport::Sse,
    }
}

fn connection(from: &Connection, now: SystemTime) -> v1::Connection {
    let about = &from.client;
    let expires_at = UNIX_EPOCH + Duration::from_secs(from.expires_at.min(TIMESTAMP_MAX));
    let slow_for = from.slow_since.map(|since| now.duration_since(since));
    v1::Connection {
        connection_id: from.id.to_string(),
        tenant_id: from.tenant.to_string(),
        subject: about.subject().unwrap_or_default().to_owned(),
        transport: transport(about.transport).into(),
        http2: about.transport == Transport::SseH2,
        tls: about.tls,
        peer: about.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        user_agent: about.user_agent().unwrap_or_default().to_owned(),
        connected_at: Some(from.since.into()),
        expires_at: Some(expires_at.into()),
        filters: Some(filters(&from.filter)),
        queue_depth: from.counts.queued,
        queue_capacity: from.queue_size as u64,
        delivered: from.counts.delivered,
        dropped: from.counts.dropped,
        conflated: from.counts.conflated,
        held: from.counts.held,
        gaps: from.counts.gaps.into(),
        sent_bytes: from.counts.bytes,
        last_write_at: (from.counts.bytes > 0).then(|| from.last_write.into()),
        // A clock that was set back has no answer.
        slow_for: slow_for.and_then(|slow_for| slow_for.unwrap_or_default().try_into().ok()),
    }
}

/// A filter, as the API has it.
pub(super) fn filters(filter: &Filter) -> v1::Filters {
    let metrics = filter.metrics().map(|metrics| metrics.names());
    v1::Filters {
        device_ids: filter.devices().iter().map(ToString::to_string).collect(),
        group_ids: filter.groups().iter().map(ToString::to_string).collect(),
        metric_names: metrics.unwrap_or_default().iter().map(|name| name.to_string()).collect(),
        all_devices: filter.wants_all_devices(),
    }
}
