//! The load of each shard. The label `shard` has at most as many values as there may be shards: 64.

use super::super::observer::ShardLoad;
use super::text::{Kind, Text, families};

pub(super) fn all(text: &mut Text, shards: &[ShardLoad]) {
    let each = |value: fn(&ShardLoad) -> f64| {
        let shards = shards.iter().enumerate();
        shards.map(move |(number, shard)| (number.to_string(), value(shard)))
    };
    families! { text;
        Gauge "inbox_items" "Events and gaps that wait for the shard." by "shard" =
            each(|shard| shard.inbox as f64);
        Gauge "inbox_capacity_items" "Those for which there is room; if it is full, ingest waits." by "shard" =
            each(|shard| shard.inbox_capacity as f64);
        Counter "shard_busy_seconds_total"
            "For how long the shard's thread did not sleep; its rate is the share of one core." by "shard" =
            each(|shard| shard.busy.as_secs_f64());
    }
}
