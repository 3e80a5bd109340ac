//! What control sets here, and what it tells the other gateways of this one.

use std::num::NonZeroUsize;
use std::time::{Instant, UNIX_EPOCH};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::admin::{Observer, Totals};
use floodway_core::index::{Index, Overflow, OwnLimits};
use floodway_core::parts;
use floodway_protocol::names::TenantId;
use floodway_sources::control::{self, Control, Limits, Status};

/// Limits of a tenant, or of every tenant, have been set or taken back: they hold from now on.
pub(super) fn apply(index: &Index, tenant: Option<&TenantId>, limits: Option<&Limits>) {
    let applied = index.set_limits(tenant, limits.map(own).unwrap_or_default());
    let tenant = tenant.map_or("(default)", TenantId::as_str);
    match (applied, limits) {
        (Err(error), _) => tracing::warn!(tenant, %error, "limits not applied"),
        (Ok(()), Some(limits)) => tracing::info!(tenant, ?limits, "limits set"),
        (Ok(()), None) => tracing::info!(tenant, "limits taken back"),
    }
}

fn own(limits: &Limits) -> OwnLimits {
    OwnLimits {
        connections: limits.connections_per_tenant,
        queue_size: limits
            .queue_size
            .and_then(|size| NonZeroUsize::new(size as usize)),
        overflow: limits.overflow.map(|policy| match policy {
            control::Overflow::DropNewest => Overflow::DropNewest,
            control::Overflow::DropOldest => Overflow::DropOldest,
            control::Overflow::Latest => Overflow::Latest,
            control::Overflow::Disconnect => Overflow::Disconnect,
        }),
        filter_ids: limits.filter_ids.map(|ids| ids as usize),
        client_messages_per_second: limits.client_messages_per_second,
    }
}

/// Tells control from time to time how this gateway does.
pub(super) struct Announcer(JoinHandle<()>);

impl Announcer {
    pub(super) fn start(control: Control, observer: Observer) -> Self {
        let announce = async move || {
            let mut pause = interval(control.announce_every());
            pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut before = Look::at(&observer);
            loop {
                pause.tick().await;
                let now = Look::at(&observer);
                control.announce(status(&observer, &before, &now));
                before = now;
            }
        };
        Self(tokio::spawn(parts::kept("announcer", announce)))
    }

    pub(super) fn stop(self) {
        self.0.abort();
    }
}

/// Counts at one moment.
struct Look {
    at: Instant,
    totals: Totals,
    accepted: u64,
}

impl Look {
    fn at(observer: &Observer) -> Self {
        Self {
            at: Instant::now(),
            totals: observer.totals(),
            accepted: observer.ingest().accepted,
        }
    }
}

fn status(observer: &Observer, before: &Look, now: &Look) -> Status {
    let identity = &observer.identity;
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    let per_second = |later: u64, earlier: u64| {
        // The first look has nothing before it.
        let rate = later.saturating_sub(earlier) as f64 / seconds.max(0.001);
        rate.round() as u64
    };
    let started_at = identity.started_at.duration_since(UNIX_EPOCH);
    Status {
        name: identity.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: started_at.map_or(0, |since| since.as_secs()),
        draining: observer.index().is_draining(),
        websocket: now.totals.ws,
        sse: now.totals.sse,
        tenants: observer.tenants(),
        events_per_second: per_second(now.accepted, before.accepted),
        deliveries_per_second: per_second(now.totals.delivered, before.totals.delivered),
        dropped: now.totals.dropped,
        interval_ms: 0,
    }
}
