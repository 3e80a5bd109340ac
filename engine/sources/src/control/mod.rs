//! What operators set, kept where events come from: limits, groups, and a view of the fleet.
//!
//! Each is a message that a store keeps ([`StoreRequest`]): with MQTT a retained one of the broker. So limits and groups
//! outlive any gateway and reach every one that shares the store. The version stands in the topic; a payload is JSON, and an
//! empty kept message deletes.
//!
//! | topic under `floodway/control/v1/` | payload |
//! | --- | --- |
//! | `limits/default` | limits of every tenant: `{"connections_per_tenant":100,"queue_size":200,"overflow":"latest","filter_ids":50,"client_messages_per_second":10}`; what is absent is as in the settings |
//! | `limits/tenant/{tenant}` | a tenant's own limits, likewise; what is absent is as in the default |
//! | `groups/{tenant}/{group}` | its members: `{"devices":["A","B"]}` |
//! | `fleet/{node}` | how a gateway does, by itself; its last will clears it ([`Status`]) |
//! | `ids/reserved` | `{"up_to":1846290011021312}`: no gateway has given an event an id above this |
//! | `sync/{node}` | not retained: the mark by which a gateway knows that it has read everything |
//!
//! Invariants:
//! * **Read before anyone is let in.** On each connection the kept messages are read up to a mark that was published
//!   after the subscription, and take effect together; only then are tenants subscribed. If the store
//!   gives none of this (no permission, no retained messages), events flow without, and the log says so once.
//! * **Whole or not at all.** A document is one message: of two writers the last wins. What is malformed, or beyond a
//!   bound, is refused, named in the log and in [`Control::problems`], and changes nothing.
//! * **A write is done** when the store has acknowledged it and its copy has come back, so the caller reads what it
//!   wrote. Without a store it fails; an error after it was sent means that it may still take effect, whole.
//! * Everything happens on the thread of ingest, between two events. Other threads read an immutable view.
//!
//! [`Follower`] knows no socket and no MQTT: whoever owns the store reports what happened, and asks what to send. That is a
//! source that has a connection for both (MQTT), or a [`Keeper`], which drives a follower over any store of keys and values
//! (`stores`): a local file is one. In the order of a document's way: `store` is the seam, `topic` and `payload` parse,
//! `initial_sync` and `documents` keep, `follower` decides, `writes` are under way, and other threads see a view through
//! [`Control`].

mod attempts;
mod config;
mod document_store;
mod documents;
mod fleet;
mod follower;
mod handle;
mod initial_sync;
mod keeper;
mod payload;
mod problems;
mod publish_probe;
mod reserved;
mod store;
pub(crate) mod stores;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod topic;
mod writes;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use config::Config;
pub use documents::{Documents, Exceeded, TenantGroups};
pub use fleet::{Member, Status};
pub use follower::Follower;
pub use handle::{Age, Control, SyncState};
pub use keeper::Keeper;
pub use payload::{Group, Invalid};
pub use problems::Problem;
pub use store::{StoreFacts, StoreReady, StoreRequest};
pub use topic::is_control;
pub use writes::WriteError;

use floodway_core::index::Index;
use handle::Shared;

/// Writes that wait for the follower. Beyond it a write fails at once.
const ORDERS: usize = 256;

/// The control of the gateway `node`, which sets the groups and limits of `index`; and the follower for the source that
/// owns the store.
pub fn new(config: &Config, node: &str, index: Arc<Index>) -> (Control, Follower) {
    let (sender, orders) = mpsc::channel(ORDERS);
    let shared = Arc::<Shared>::default();
    let follower = Follower::new(config, node, index, Arc::clone(&shared), orders);
    (Control::new(config, shared, sender), follower)
}
