//! What is kept for streams that come back, and what became of those.

use super::super::totals::Resumes;
use super::text::{Kind, Text, families};
use floodway_core::history::{Eviction, HistoryCounts};

pub(super) fn all(text: &mut Text, history: &HistoryCounts, resumes: Resumes) {
    let evicted = [("bounds", Eviction::Bounds), ("budget", Eviction::Budget), ("tenant_left", Eviction::TenantLeft)];
    let evicted = evicted.map(|(reason, why)| (reason, history.evicted[why as usize]));
    let resumes = [("complete", resumes.complete), ("incomplete", resumes.incomplete)];
    families! { text;
        Gauge "replay_events" "Events that are kept for streams that come back." = history.entries;
        Gauge "replay_bytes" "About how much memory those and the tenants' histories take." = history.bytes;
        Counter "replay_evictions_total"
            "Events that are not kept any more: the tenant had too many or too old ones (bounds), all tenants together had \
             too many (budget), or nobody of the tenant was there for long (tenant_left)." by "reason" = evicted;
        Counter "resumes_total"
            "Streams that resumed behind an event: all that they had missed was kept (complete), or not (incomplete)."
            by "result" = resumes;
        Gauge "snapshot_devices" "Last events of devices that are kept for snapshots, besides those among replay_events." =
            history.last_values;
        Gauge "snapshot_bytes" "About how much memory those take." = history.last_value_bytes;
        Counter "snapshot_devices_dropped_total"
            "Devices whose last event was given up, because too many others of their tenant published later." =
            history.devices_fallen_out;
    }
}
