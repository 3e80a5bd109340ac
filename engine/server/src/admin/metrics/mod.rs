//! What the gateway counts, as text for Prometheus.
//!
//! `/metrics` reports the whole gateway ([`gateway`]): one function a subject in `node`, `streams`, `deliveries`,
//! `history` and `shards`. `/metrics/tenants` reports the busiest tenants by name and the others together ([`Tenants`]): `busiest`
//! decides which are named and keeps the sums exact. `text` writes the format.
//!
//! Invariant: the number of series has a bound. Labels of the gateway are names of ours from fixed sets, and the shards'
//! numbers; the tenants' are as many as the settings allow.

mod busiest;
mod deliveries;
mod history;
mod node;
mod shards;
mod streams;
mod tenants;
mod text;

use floodway_proto::admin::v1;

use super::observer::{Observer, ShardLoad};
use super::refused;
use super::totals::Totals;

pub(super) use tenants::Tenants;
pub(super) use text::CONTENT_TYPE;
use text::Text;

use floodway_core::history::HistoryCounts;

/// The gateway at one moment.
pub(super) struct Snapshot {
    pub(super) status: v1::Status,
    pub(super) totals: Totals,
    pub(super) shards: Vec<ShardLoad>,
    pub(super) history: HistoryCounts,
    /// Requests of the private listener that were refused, by reason.
    pub(super) refused: refused::Counts,
}

impl Snapshot {
    pub(super) fn at(observer: &Observer, refused: refused::Counts) -> Self {
        let totals = observer.totals();
        Self {
            status: observer.status(&totals),
            totals,
            shards: observer.shard_loads(),
            history: observer.index().histories().counts(),
            refused,
        }
    }
}

/// The page `/metrics`.
pub(super) fn gateway(snapshot: &Snapshot) -> String {
    let Snapshot { status, totals, shards, history, refused } = snapshot;
    let mut text = Text::new();
    let connections = part(&status.connections);
    node::identity(&mut text, part(&status.node), status.draining, *refused);
    node::readiness(&mut text, &status.unready);
    node::broker(&mut text, part(&status.broker), status.refused_upstream);
    node::sources(&mut text, &status.sources);
    streams::now(&mut text, connections, part(&status.limits));
    streams::passed(&mut text, connections, totals);
    node::ingest(&mut text, part(&status.ingest));
    deliveries::all(&mut text, totals);
    history::all(&mut text, history, totals.resumes);
    shards::all(&mut text, shards);
    text.finish()
}

fn part<T>(part: &Option<T>) -> &T {
    part.as_ref().expect("a status of ours is whole")
}
