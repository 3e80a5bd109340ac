//! The page `/metrics/tenants`: the busiest tenants by name, and all others as `_other`.
//!
//! A tenant whose own name could be taken for that of the others is shown with one more underscore in front: `_other` as
//! `__other`, `__other` as `___other`, and so on. So no two are shown alike.

use std::borrow::Cow;

use super::super::observer::Observer;
use super::busiest::{Busiest, Counters, Reported};
use super::streams::{SSE, WEBSOCKET};
use super::text::Kind::{Counter, Gauge};
use super::text::Text;

/// Stands for all tenants that are not named.
const OTHERS: &str = "_other";

/// Tells of tenants, each time anew.
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
                bytes: totals.bytes,
            },
        };
        let (named, others) = self.0.look(gateway, observer.index().tenants());
        let mut rows: Vec<(Cow<'_, str>, Reported)> = named
            .iter()
            .map(|(tenant, told)| (shown(tenant.as_str()), *told))
            .collect();
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
    let mut family = text.family("tenant_connections", Gauge, "Live streams of the tenant.");
    for (tenant, told) in rows {
        for (transport, count) in [(WEBSOCKET, told.ws), (SSE, told.sse)] {
            family = family.labelled(&[("tenant", tenant), ("transport", transport)], count);
        }
    }
    let mut counter = |name, help, count: fn(&Counters) -> u64| {
        let samples = rows.iter();
        let samples = samples.map(|(tenant, told)| (tenant.as_ref(), count(&told.counters)));
        text.family(name, Counter, help).each("tenant", samples);
    };
    counter(
        "tenant_ingest_accepted_total",
        "Messages of the tenant's devices that became events.",
        |counters| counters.accepted,
    );
    counter(
        "tenant_deliveries_total",
        "Events handed to the kernel, once for each subscriber.",
        |counters| counters.delivered,
    );
    counter(
        "tenant_drops_total",
        "Events that matched a subscriber and did not reach it.",
        |counters| counters.dropped,
    );
    counter(
        "tenant_sent_bytes_total",
        "Bytes of streams handed to the kernel.",
        |counters| counters.bytes,
    );
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tenants_are_shown_alike_and_none_as_the_others() {
        let names = [
            "_other", "__other", "___other", "other", "_Other", "_others", "_", "x_other",
        ];
        let shown: Vec<Cow<'_, str>> = names.into_iter().map(shown).collect();
        let expected = [
            "__other",
            "___other",
            "____other",
            "other",
            "_Other",
            "_others",
            "_",
            "x_other",
        ];
        assert_eq!(shown, expected);
        assert!(!shown.contains(&Cow::Borrowed(OTHERS)));
    }
}
