//! What the gateway counts, as text for Prometheus.
//!
//! `/metrics` tells of the whole gateway ([`gateway`]): one function a subject in `node`, `streams`, `deliveries` and
//! `shards`. `/metrics/tenants` tells of the busiest tenants by name and of the others together ([`Tenants`]): `busiest`
//! decides who is named and keeps the sums exact. `text` writes the format.
//!
//! Invariant: the number of series has a bound. Labels of the gateway are names of ours from fixed sets, and the shards'
//! numbers; the tenants' are as many as the settings allow.

mod busiest;
mod deliveries;
mod node;
mod shards;
mod streams;
mod tenants;
mod text;

use super::observer::{Observer, ShardLoad};
use super::status::Status;
use super::totals::Totals;

pub(super) use tenants::Tenants;
pub(super) use text::CONTENT_TYPE;
use text::Text;

/// The gateway at one moment.
pub(super) struct Look {
    pub(super) status: Status,
    pub(super) totals: Totals,
    pub(super) shards: Vec<ShardLoad>,
    /// Requests of the private listener that were refused, by reason.
    pub(super) refused: [(&'static str, u64); 3],
}

impl Look {
    pub(super) fn at(observer: &Observer, refused: [(&'static str, u64); 3]) -> Self {
        let totals = observer.totals();
        Self {
            status: observer.status_of(&totals),
            totals,
            shards: observer.shard_loads(),
            refused,
        }
    }
}

/// The page `/metrics`.
pub(super) fn gateway(look: &Look) -> String {
    let Look {
        status,
        totals,
        shards,
        refused,
    } = look;
    let mut text = Text::new();
    node::identity(&mut text, status);
    node::refused(&mut text, *refused);
    node::readiness(&mut text, status);
    node::broker(&mut text, status);
    streams::now(&mut text, status);
    streams::limits(&mut text, status);
    streams::passed(&mut text, status, totals);
    node::ingest(&mut text, status);
    deliveries::counts(&mut text, totals);
    deliveries::lag(&mut text, totals);
    deliveries::delays(&mut text, totals);
    shards::all(&mut text, shards);
    text.finish()
}
