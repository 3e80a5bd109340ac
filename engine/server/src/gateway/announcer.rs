//! Announces this gateway's status to the other gateways on the broker.

use std::time::{Instant, UNIX_EPOCH};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::admin::{Observer, Totals};
use floodway_core::parts;
use floodway_sources::control::Status;

/// A task that gives the control store this gateway's status at a fixed interval, until it is aborted.
pub(super) fn start(observer: Observer) -> JoinHandle<()> {
    let announce = async move || {
        let control = &observer.control;
        let mut pause = interval(control.announce_every());
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Sample::at(&observer);
        loop {
            pause.tick().await;
            let now = Sample::at(&observer);
            control.announce(status(&observer, &before, &now));
            before = now;
        }
    };
    tokio::spawn(parts::kept("announcer", announce))
}

/// The counts at one moment.
struct Sample {
    at: Instant,
    totals: Totals,
    accepted: u64,
}

impl Sample {
    fn at(observer: &Observer) -> Self {
        Self {
            at: Instant::now(),
            totals: observer.totals(),
            accepted: observer.ingest().accepted,
        }
    }
}

fn status(observer: &Observer, before: &Sample, now: &Sample) -> Status {
    let identity = &observer.identity;
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    let per_second = |later: u64, earlier: u64| {
        // No time has passed before the first sample.
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
        conflated: now.totals.conflated,
        interval_ms: 0,
    }
}
