//! How busy each shard is. The label `shard` has at most as many values as there may be shards: 64.

use super::super::observer::ShardLoad;
use super::text::Kind::{self, Counter, Gauge};
use super::text::Text;

pub(super) fn all(text: &mut Text, shards: &[ShardLoad]) {
    each(
        text,
        ("inbox_items", Gauge),
        "Events and gaps that wait for the shard.",
        shards,
        |shard| shard.inbox as f64,
    );
    each(
        text,
        ("inbox_capacity_items", Gauge),
        "Those for which there is room; if it is full, ingest waits.",
        shards,
        |shard| shard.inbox_capacity as f64,
    );
    each(
        text,
        ("shard_busy_seconds_total", Counter),
        "For how long the shard's thread did not sleep; its rate is the share of one core.",
        shards,
        |shard| shard.busy.as_secs_f64(),
    );
}

fn each(
    text: &mut Text,
    (name, kind): (&'static str, Kind),
    help: &str,
    shards: &[ShardLoad],
    value: fn(&ShardLoad) -> f64,
) {
    let mut family = text.family(name, kind, help);
    for (number, shard) in shards.iter().enumerate() {
        family = family.labelled(&[("shard", &number.to_string())], value(shard));
    }
}
