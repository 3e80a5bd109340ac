//! Events of devices that all say the same.

use std::sync::Arc;

use floodway_core::event::{self, Event, Parser};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

/// How many metrics each event has.
pub const METRICS: usize = 10;

/// The name of an event's `n`th metric.
pub fn metric(n: usize) -> String {
    format!("metric_{n}")
}

/// One tenant's devices.
pub struct Devices {
    tenant: TenantId,
    parser: Parser,
    payload: String,
    sent: u64,
}

impl Devices {
    /// The devices of `tenant`. They send [`METRICS`] metrics of equal length, so that all events, and all their
    /// projections to as many metrics, are equally long.
    pub fn new(tenant: &TenantId) -> Self {
        let metrics: Vec<String> = (0..METRICS).map(|n| format!(r#""{}":{}.25"#, metric(n), n + 10)).collect();
        Self {
            tenant: tenant.clone(),
            parser: Parser::new(&event::Config::default()),
            payload: format!(r#"{{"ts":"2026-02-16T12:00:00Z","metrics":{{{}}}}}"#, metrics.join(",")),
            sent: 0,
        }
    }

    /// The name of the `n`th device; all names are equally long.
    pub fn name(n: usize) -> String {
        format!("DEV-{n:05}")
    }

    /// The next event, of the `n`th device.
    pub fn event(&mut self, n: usize) -> Arc<Event> {
        self.sent += 1;
        let device = Self::name(n);
        let topic = format!("tenant/{}/device/{device}/telemetry", self.tenant.as_str());
        let id = EventId::new(self.sent);
        let event = self.parser.parse(id, &self.tenant, &device, &topic, self.payload.as_bytes());
        Arc::new(event.expect("a valid payload"))
    }
}
