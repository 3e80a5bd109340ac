//! A [`Status`] as the messages of the admin API, and back.
//!
//! Invariant: what a peer leaves out is zero or empty, as protobuf has it; nothing that it sends is an error.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use floodway_proto::admin::v1;

use super::status::{
    Broker, BrokerFailure, Connections, ControlProblem, ControlState, Deliveries, DrainProgress,
    Ingest, Limits, Node, Rates, Status, TenantConnections, Unready,
};

impl From<Status> for v1::Status {
    fn from(status: Status) -> Self {
        Self {
            node: Some(status.node.into()),
            draining: status.draining,
            broker: Some(status.broker.into()),
            connections: Some(status.connections.into()),
            limits: Some(status.limits.into()),
            ingest: Some(status.ingest.into()),
            deliveries: Some(status.deliveries.into()),
            last_second: Some(status.last_second.into()),
            last_minute: Some(status.last_minute.into()),
            drain: status.drain.map(Into::into),
            control: Some(status.control.into()),
            ready: status.unready.is_empty(),
            unready: all(status.unready),
            refused_upstream: status.refused_upstream,
        }
    }
}

impl From<v1::Status> for Status {
    fn from(status: v1::Status) -> Self {
        Self {
            node: status.node.unwrap_or_default().into(),
            draining: status.draining,
            broker: status.broker.unwrap_or_default().into(),
            connections: status.connections.unwrap_or_default().into(),
            limits: status.limits.unwrap_or_default().into(),
            ingest: status.ingest.unwrap_or_default().into(),
            deliveries: status.deliveries.unwrap_or_default().into(),
            last_second: status.last_second.unwrap_or_default().into(),
            last_minute: status.last_minute.unwrap_or_default().into(),
            drain: status.drain.map(Into::into),
            control: status.control.unwrap_or_default().into(),
            unready: all(status.unready),
            refused_upstream: status.refused_upstream,
        }
    }
}

impl From<Node> for v1::Node {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            name: node.name,
            version: node.version,
            started_at: Some(node.started_at.into()),
            // Out of range after 292 billion years.
            uptime: node.uptime.try_into().ok(),
        }
    }
}

impl From<v1::Node> for Node {
    fn from(node: v1::Node) -> Self {
        Self {
            id: node.id,
            name: node.name,
            version: node.version,
            started_at: time(node.started_at),
            uptime: duration(node.uptime),
        }
    }
}

impl From<Broker> for v1::Broker {
    fn from(from: Broker) -> Self {
        Self {
            connected: from.connected,
            urls: from.urls,
            reconnects: from.reconnects,
            connected_url: from.connected_url,
            changed_at: Some(from.changed_at.into()),
            failed_attempts: from.failed_attempts,
            last_failure: from.last_failure.map(Into::into),
            attempts_by_result: from.attempts_by_result,
        }
    }
}

impl From<v1::Broker> for Broker {
    fn from(from: v1::Broker) -> Self {
        Self {
            connected: from.connected,
            urls: from.urls,
            reconnects: from.reconnects,
            connected_url: from.connected_url,
            changed_at: time(from.changed_at),
            failed_attempts: from.failed_attempts,
            last_failure: from.last_failure.map(Into::into),
            attempts_by_result: from.attempts_by_result,
        }
    }
}

impl From<BrokerFailure> for v1::BrokerFailure {
    fn from(from: BrokerFailure) -> Self {
        Self {
            url: from.url,
            detail: from.detail,
            failed_at: Some(from.failed_at.into()),
        }
    }
}

impl From<v1::BrokerFailure> for BrokerFailure {
    fn from(from: v1::BrokerFailure) -> Self {
        Self {
            url: from.url,
            detail: from.detail,
            failed_at: time(from.failed_at),
        }
    }
}

impl From<Connections> for v1::Connections {
    fn from(from: Connections) -> Self {
        Self {
            total: from.total,
            websocket: from.websocket,
            sse: from.sse,
            opened: from.opened,
            closed_by_reason: from.closed_by_reason,
            refused_by_reason: from.refused_by_reason,
            tokens_refused_by_check: from.tokens_refused_by_check,
            tenants: from.tenants,
            by_tenant: all(from.by_tenant),
            other_tenants_total: from.other_tenants_total,
        }
    }
}

impl From<v1::Connections> for Connections {
    fn from(from: v1::Connections) -> Self {
        Self {
            total: from.total,
            websocket: from.websocket,
            sse: from.sse,
            opened: from.opened,
            closed_by_reason: from.closed_by_reason,
            refused_by_reason: from.refused_by_reason,
            tokens_refused_by_check: from.tokens_refused_by_check,
            tenants: from.tenants,
            by_tenant: all(from.by_tenant),
            other_tenants_total: from.other_tenants_total,
        }
    }
}

impl From<Rates> for v1::Rates {
    fn from(from: Rates) -> Self {
        Self {
            window: from.window.try_into().ok(),
            received: from.received,
            received_bytes: from.received_bytes,
            accepted: from.accepted,
            rejected: from.rejected,
            delivered: from.delivered,
            dropped: from.dropped,
            sent_bytes: from.sent_bytes,
            opened: from.opened,
            closed: from.closed,
            refused: from.refused,
        }
    }
}

impl From<v1::Rates> for Rates {
    fn from(from: v1::Rates) -> Self {
        Self {
            window: duration(from.window),
            received: from.received,
            received_bytes: from.received_bytes,
            accepted: from.accepted,
            rejected: from.rejected,
            delivered: from.delivered,
            dropped: from.dropped,
            sent_bytes: from.sent_bytes,
            opened: from.opened,
            closed: from.closed,
            refused: from.refused,
        }
    }
}

impl From<DrainProgress> for v1::DrainProgress {
    fn from(from: DrainProgress) -> Self {
        Self {
            started_at: Some(from.started_at.into()),
            spread: from.spread.try_into().ok(),
            connections: from.connections,
            untold: from.untold,
            remaining: from.remaining,
            stopping: from.stopping,
        }
    }
}

impl From<v1::DrainProgress> for DrainProgress {
    fn from(from: v1::DrainProgress) -> Self {
        Self {
            started_at: time(from.started_at),
            spread: duration(from.spread),
            connections: from.connections,
            untold: from.untold,
            remaining: from.remaining,
            stopping: from.stopping,
        }
    }
}

impl From<ControlState> for v1::ControlState {
    fn from(from: ControlState) -> Self {
        Self {
            synced: from.synced,
            tenant_limits: from.tenant_limits,
            groups: from.groups,
            problems: all(from.problems),
        }
    }
}

impl From<v1::ControlState> for ControlState {
    fn from(from: v1::ControlState) -> Self {
        Self {
            synced: from.synced,
            tenant_limits: from.tenant_limits,
            groups: from.groups,
            problems: all(from.problems),
        }
    }
}

impl From<ControlProblem> for v1::ControlProblem {
    fn from(from: ControlProblem) -> Self {
        Self {
            topic: from.topic,
            detail: from.detail,
            received_at: Some(from.received_at.into()),
        }
    }
}

impl From<v1::ControlProblem> for ControlProblem {
    fn from(from: v1::ControlProblem) -> Self {
        Self {
            topic: from.topic,
            detail: from.detail,
            received_at: time(from.received_at),
        }
    }
}

fn all<T, U: From<T>>(from: Vec<T>) -> Vec<U> {
    from.into_iter().map(Into::into).collect()
}

/// A time that a peer has sent, if it is one.
pub(super) fn time(from: Option<prost_types::Timestamp>) -> SystemTime {
    from.and_then(|time| time.try_into().ok())
        .unwrap_or(UNIX_EPOCH)
}

/// A duration that a peer has sent, if it is one.
pub(super) fn duration(from: Option<prost_types::Duration>) -> Duration {
    from.and_then(|duration| duration.try_into().ok())
        .unwrap_or_default()
}

/// Messages whose fields are the same on both sides.
macro_rules! same {
    ($($name:ident { $($field:ident),+ })+) => {$(
        impl From<$name> for v1::$name {
            fn from(from: $name) -> Self {
                Self { $($field: from.$field),+ }
            }
        }

        impl From<v1::$name> for $name {
            fn from(from: v1::$name) -> Self {
                Self { $($field: from.$field),+ }
            }
        }
    )+};
}

same! {
    Unready { reason, detail }
    TenantConnections { tenant_id, total }
    Limits { connections, connections_per_tenant, queue_size }
    Ingest { received, received_bytes, accepted, rejected_by_reason, without_metrics }
    Deliveries { delivered, dropped, overflow_gaps, sent_bytes, writes }
}
