//! Every gateway on the same broker, as each reports itself.

use std::time::{Duration, UNIX_EPOCH};

use floodway_proto::admin::v1;

use crate::admin::observer::Observer;
use floodway_sources::control::{Member, SyncState};

/// This gateway and all others that have announced themselves, and their sum.
pub(super) fn all(observer: &Observer) -> v1::Fleet {
    let members = observer.control.fleet();
    let mut gateways: Vec<v1::Gateway> = members.iter().map(other).collect();
    gateways.push(own(observer));
    gateways.sort_by(|one, other| key(one).cmp(&key(other)));
    v1::Fleet {
        total: Some(sum(&gateways)),
        gateways,
        synced: observer.control.sync_state() == SyncState::Following,
    }
}

fn key(gateway: &v1::Gateway) -> Option<(&str, &str)> {
    let node = gateway.node.as_ref()?;
    Some((&node.name, &node.id))
}

fn own(observer: &Observer) -> v1::Gateway {
    let (totals, (last_second, _)) = (observer.totals(), observer.rates());
    v1::Gateway {
        node: Some(observer.node()),
        draining: observer.index().is_draining(),
        load: Some(v1::Load {
            websocket: totals.ws,
            sse: totals.sse,
            tenants: observer.tenants(),
            events_per_second: last_second.accepted.round() as u64,
            deliveries_per_second: last_second.delivered.round() as u64,
            dropped: totals.dropped,
            conflated: totals.conflated,
        }),
        answering: true,
    }
}

fn other(member: &Member) -> v1::Gateway {
    let status = &member.status;
    // A peer may say anything.
    let started_at = UNIX_EPOCH.checked_add(Duration::from_secs(status.started_at));
    v1::Gateway {
        node: Some(v1::Node {
            id: member.node.clone(),
            name: status.name.clone(),
            version: status.version.clone(),
            started_at: started_at.map(Into::into),
            uptime: None,
        }),
        draining: status.draining,
        load: Some(v1::Load {
            websocket: status.websocket,
            sse: status.sse,
            tenants: status.tenants,
            events_per_second: status.events_per_second,
            deliveries_per_second: status.deliveries_per_second,
            dropped: status.dropped,
            conflated: status.conflated,
        }),
        answering: false,
    }
}

fn sum(gateways: &[v1::Gateway]) -> v1::Load {
    let loads = gateways.iter().filter_map(|gateway| gateway.load);
    loads.fold(v1::Load::default(), |sum, load| v1::Load {
        websocket: sum.websocket.saturating_add(load.websocket),
        sse: sum.sse.saturating_add(load.sse),
        tenants: sum.tenants.saturating_add(load.tenants),
        events_per_second: sum.events_per_second.saturating_add(load.events_per_second),
        deliveries_per_second: sum.deliveries_per_second.saturating_add(load.deliveries_per_second),
        dropped: sum.dropped.saturating_add(load.dropped),
        conflated: sum.conflated.saturating_add(load.conflated),
    })
}
