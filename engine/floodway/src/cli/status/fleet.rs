//! A fleet as a table, for people.

use floodway_proto::admin::v1::{Fleet, Gateway, Load};

use crate::cli::show::{age, duration, per_second, plain, plural, table};

/// A row for each gateway, and their sum.
pub(super) fn fleet(fleet: &Fleet) -> String {
    let sum = plural(fleet.gateways.len() as u64, "gateway");
    let sum = row([&sum, "", "", "", ""], fleet.total);
    let rows = fleet.gateways.iter().map(gateway).chain([sum]);
    let mut text = table("GATEWAY ID VERSION >UP STATE >WS >SSE >TENANTS >EVENTS >DELIVERED >DROPPED >CONFLATED", rows);
    if !fleet.synced {
        text.push_str("the gateway does not follow the broker now: the others are as last heard of, or missing\n");
    }
    text
}

fn gateway(gateway: &Gateway) -> [String; 12] {
    let node = gateway.node.clone().unwrap_or_default();
    let state = if gateway.draining { "draining" } else { "serving" };
    // The one that answers.
    let mark = if gateway.answering { " *" } else { "" };
    let name = plain(&node.name) + mark;
    // It is known of the one that answers only.
    let up = node.uptime.map_or_else(|| "-".to_owned(), |up| age(duration(Some(up))));
    row([&name, &plain(&node.id), &plain(&node.version), &up, state], gateway.load)
}

fn row(gateway: [&str; 5], load: Option<Load>) -> [String; 12] {
    let [name, id, version, up, state] = gateway.map(str::to_owned);
    let load = load.unwrap_or_default();
    [
        name,
        id,
        version,
        up,
        state,
        load.websocket.to_string(),
        load.sse.to_string(),
        load.tenants.to_string(),
        per_second(load.events_per_second as f64),
        per_second(load.deliveries_per_second as f64),
        load.dropped.to_string(),
        load.conflated.to_string(),
    ]
}

#[cfg(test)]
mod tests;
