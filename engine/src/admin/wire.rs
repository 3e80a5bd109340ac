//! A [`Status`] as the messages of the admin API, and back.
//!
//! Invariant: what a peer leaves out is zero or empty, as protobuf has it; nothing that it sends is an error.

use std::time::UNIX_EPOCH;

use floodway_proto::admin::v1;

use super::status::{Broker, Connections, Deliveries, Ingest, Limits, Node, Status};

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
            started_at: node
                .started_at
                .and_then(|time| time.try_into().ok())
                .unwrap_or(UNIX_EPOCH),
            uptime: node
                .uptime
                .and_then(|uptime| uptime.try_into().ok())
                .unwrap_or_default(),
        }
    }
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
    Broker { connected, urls, reconnects }
    Connections { total, websocket, sse, opened, closed_by_reason }
    Limits { connections, connections_per_tenant, queue_size }
    Ingest { received, received_bytes, accepted, rejected_by_reason }
    Deliveries { delivered, dropped, overflow_gaps, sent_bytes, writes }
}
