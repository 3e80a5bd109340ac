//! What happens at the gateway, as a stream of audit events.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::SystemTime;

use floodway_proto::admin::v1;
use floodway_proto::admin::v1::watch_events_response::Event;
use tonic::Status;
use tonic::codegen::BoxStream;

use super::args::{bad, tenant_or_none};
use super::connections::transport;
use super::streaming::{Gone, ResponseSender};
use super::{Answer, Service};
use floodway_core::index::{AuditKind, ClientInfo, ConnectionId, Limit, Missed, SourceChange, Watcher};
use floodway_protocol::names::TenantId;

pub(super) async fn watch(
    service: &Service,
    asked: v1::WatchEventsRequest,
) -> Answer<BoxStream<v1::WatchEventsResponse>> {
    let wanted = Wanted {
        tenant: tenant_or_none("tenant_id", &asked.tenant_id)?,
        kinds: kinds(&asked.kinds)?,
    };
    let watcher = service.observer.index().journal().watch();
    let permit = service.streaming.permit()?;
    Ok(service.streaming.start(permit, |responses| send(watcher, wanted, responses)))
}

/// Which audit events are asked for.
struct Wanted {
    tenant: Option<TenantId>,
    /// Empty: all.
    kinds: BTreeSet<v1::EventKind>,
}

impl Wanted {
    fn wants(&self, what: &AuditKind) -> bool {
        let (kind, tenant) = match what {
            AuditKind::Connected { tenant, .. } => (v1::EventKind::Opened, Some(tenant)),
            AuditKind::Disconnected { tenant, .. } => (v1::EventKind::Closed, Some(tenant)),
            AuditKind::Refused { tenant, .. } => (v1::EventKind::Refused, tenant.as_ref()),
            AuditKind::LimitHit { tenant, .. } => (v1::EventKind::LimitHit, Some(tenant)),
            AuditKind::Source { .. } => (v1::EventKind::Broker, self.tenant.as_ref()),
        };
        let is_whose = self.tenant.is_none() || self.tenant.as_ref() == tenant;
        is_whose && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}

fn kinds(asked: &[i32]) -> Answer<BTreeSet<v1::EventKind>> {
    let known = |(at, &kind): (usize, &i32)| match v1::EventKind::try_from(kind) {
        Ok(v1::EventKind::Unspecified) | Err(_) => Err(bad(&format!("kinds[{at}]"), format!("{kind} is not known"))),
        Ok(kind) => Ok(kind),
    };
    asked.iter().enumerate().map(known).collect()
}

async fn send(
    mut watcher: Watcher,
    wanted: Wanted,
    responses: ResponseSender<v1::WatchEventsResponse>,
) -> Result<Status, Gone> {
    let live = Event::Live(v1::WatchEventsLive {});
    let live = response(SystemTime::now(), live);
    responses.send(Ok(live)).await?;
    loop {
        let response = match watcher.next().await {
            Ok(audit) if wanted.wants(&audit.what) => response(audit.at, event(audit.what)),
            Ok(_) => continue,
            Err(Missed(missed)) => {
                let gap = Event::Gap(v1::WatchEventsGap { missed });
                response(SystemTime::now(), gap)
            }
        };
        responses.send(Ok(response)).await?;
    }
}

fn response(at: SystemTime, event: Event) -> v1::WatchEventsResponse {
    v1::WatchEventsResponse { at: Some(at.into()), event: Some(event) }
}

fn event(what: AuditKind) -> Event {
    match what {
        AuditKind::Connected { id, tenant, client } => Event::Opened(v1::StreamOpened {
            user_agent: client.user_agent().unwrap_or_default().to_owned(),
            stream: Some(identity(id, &tenant, &client)),
        }),
        AuditKind::Disconnected { id, tenant, client, reason, code } => Event::Closed(v1::StreamClosed {
            stream: Some(identity(id, &tenant, &client)),
            reason: reason.to_owned(),
            close_code: close_code(&client, code),
        }),
        AuditKind::Refused { tenant, peer: from, reason, check, detail } => Event::Refused(v1::StreamRefused {
            tenant_id: tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
            peer: peer(from),
            reason: reason.to_owned(),
            check: check.unwrap_or_default().to_owned(),
            detail: detail.unwrap_or_default(),
        }),
        AuditKind::LimitHit { id, tenant, limit } => Event::LimitHit(v1::LimitHit {
            limit: match limit {
                Limit::QueueSize => v1::LimitKind::QueueSize,
                Limit::ClientMessages => v1::LimitKind::ClientMessages,
            }
            .into(),
            connection_id: id.to_string(),
            tenant_id: tenant.to_string(),
        }),
        AuditKind::Source { endpoint, change, .. } => source(endpoint, change),
    }
}

fn source(url: String, change: SourceChange) -> Event {
    match change {
        SourceChange::Up => Event::BrokerUp(v1::BrokerUp { url }),
        SourceChange::Down { error } => Event::BrokerDown(v1::BrokerDown { url, detail: error.unwrap_or_default() }),
        SourceChange::Failed { error, attempts } => {
            Event::BrokerFailed(v1::BrokerFailed { url, detail: error, failed_attempts: attempts })
        }
    }
}

fn identity(id: ConnectionId, tenant: &TenantId, client: &ClientInfo) -> v1::StreamIdentity {
    v1::StreamIdentity {
        connection_id: id.to_string(),
        tenant_id: tenant.to_string(),
        subject: client.subject().unwrap_or_default().to_owned(),
        transport: transport(client.transport).into(),
        peer: peer(client.peer),
    }
}

fn peer(peer: Option<SocketAddr>) -> String {
    peer.map(|peer| peer.to_string()).unwrap_or_default()
}

fn close_code(client: &ClientInfo, code: Option<u16>) -> u32 {
    match transport(client.transport) {
        v1::Transport::Websocket => code.unwrap_or_default().into(),
        _ => 0,
    }
}
