//! The page `/metrics/tenants`: the busiest tenants by name, and all others as `_other`.
//!
//! A tenant whose own name could be taken for that of the others is shown with one more underscore in front: `_other` as
//! `__other`, `__other` as `___other`, and so on. So no two are shown alike.

use std::borrow::Cow;

use super::super::observer::Observer;
use super::busiest::{Busiest, Counters, Reported};
use super::streams::{SSE, WEBSOCKET};
use super::text::{Kind, Text, families};

/// Stands for all tenants that are not named.
const OTHERS: &str = "_other";

/// The tenants that the page names.
pub(in crate::admin) struct Tenants(Busiest);

impl Tenants {
    /// Names up to `most` tenants.
    pub(in crate::admin) fn new(most: usize) -> Self {
        Self(Busiest::new(most))
    }

    /// The page.
    pub(in crate::admin) fn text(&mut self, observer: &Observer) -> String {
        // First the gateway's: see `busiest`.
        let totals = observer.totals();
        let gateway = Reported {
            ws: totals.ws,
            sse: totals.sse,
            counters: Counters {
                accepted: observer.ingest().accepted,
                delivered: totals.delivered,
                dropped: totals.dropped,
                conflated: totals.conflated,
                bytes: totals.bytes,
            },
        };
        let (named, others) = self.0.look(gateway, observer.index().tenants());
        let mut rows: Vec<(Cow<'_, str>, Reported)> =
            named.iter().map(|(tenant, reported)| (shown(tenant.as_str()), *reported)).collect();
        rows.push((Cow::Borrowed(OTHERS), others));
        page(&rows)
    }
}

/// A tenant's name as a label.
fn shown(tenant: &str) -> Cow<'_, str> {
    let is_like_others = tenant.starts_with('_') && tenant.trim_start_matches('_') == "other";
    if is_like_others {
        Cow::Owned(format!("_{tenant}"))
    } else {
        Cow::Borrowed(tenant)
    }
}

fn page(rows: &[(Cow<'_, str>, Reported)]) -> String {
    let mut text = Text::new();
    let connections = rows
        .iter()
        .flat_map(|(tenant, reported)| [([tenant, WEBSOCKET], reported.ws), ([tenant, SSE], reported.sse)]);
    let each = |count: fn(&Counters) -> u64| {
        let rows = rows.iter();
        rows.map(move |(tenant, reported)| (tenant, count(&reported.counters)))
    };
    families! { text;
        Gauge "tenant_connections" "Live streams of the tenant." by ["tenant", "transport"] = connections;
        Counter "tenant_ingest_accepted_total" "Messages of the tenant's devices that became events." by "tenant" =
            each(|counters| counters.accepted);
        Counter "tenant_deliveries_total" "Events handed to the kernel, once for each subscriber." by "tenant" =
            each(|counters| counters.delivered);
        Counter "tenant_drops_total" "Events that matched a subscriber and did not reach it." by "tenant" =
            each(|counters| counters.dropped);
        Counter "tenant_conflated_total"
            "Events in whose place newer ones of the device were sent, as their subscribers had asked for." by "tenant" =
            each(|counters| counters.conflated);
        Counter "tenant_sent_bytes_total" "Bytes of streams handed to the kernel." by "tenant" =
            each(|counters| counters.bytes);
    }
    text.finish()
}

#[cfg(test)]
mod tests;
