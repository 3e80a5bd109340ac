//! What operators set, kept in the broker: limits, groups, and a view of the fleet.
//!
//! Limits and groups are retained MQTT messages, so they outlive any gateway and reach every one that shares the
//! broker. The version stands in the topic; a payload is JSON, and an empty retained one deletes.
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
//! * **Read before anyone is let in.** On each connection the retained messages are read up to a mark that was published
//!   after the subscription, and take effect together; only then are tenants subscribed. A broker that
//!   gives none of this (no permission, no retained messages) is served without, and the log says so once.
//! * **Whole or not at all.** A document is one message: of two writers the last wins. What is malformed, or beyond a
//!   bound, is refused, named in the log and in [`Control::problems`], and changes nothing.
//! * **A write is done** when the broker has acknowledged it and its copy has come back, so the caller reads what it
//!   wrote. Without a broker it fails; an error after it was sent means that it may still take effect, whole.
//! * Everything happens on the thread of ingest, between two events. The others read an immutable view.
//!
//! [`Follower`] knows no socket and no MQTT: it is told what happened, and asked what to send. In the order of a
//! document's way: `topic`, `limits` and `group` parse, `replay` and `documents` keep, `follower` decides, `writes` are
//! under way, `view` is what others see, and [`Control`] is in their hands.

mod config;
mod document_store;
mod documents;
mod field;
mod fleet;
mod follower;
mod group;
mod handle;
mod initial_sync;
mod limits;
mod problems;
mod publish_probe;
mod reserved;
mod store;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod topic;
mod view;
mod writes;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use config::Config;
pub use documents::{Documents, TenantGroups};
pub use field::Invalid;
pub use fleet::{Member, Status};
pub use follower::Follower;
pub use group::Group;
pub use handle::Control;
pub use problems::Problem;
pub use store::{StoreFacts, StoreReady, StoreRequest};
pub use topic::is_control;
pub use view::{Age, Standing};
pub use writes::{Order, WriteError};

use floodway_core::index::Index;

/// Writes that wait to be looked at. Beyond it a write fails at once.
const ORDERS: usize = 256;

/// What ingest carries: the machine, and the writes that are asked of it.
pub struct Steering {
    /// Told what happens, asked what to send.
    pub follower: Follower,
    /// From every [`Control`].
    pub orders: mpsc::Receiver<Order>,
}

/// The control of the gateway `node`, which sets the groups and limits of `index`; and what ingest carries for it.
pub fn new(config: &Config, node: &str, index: Arc<Index>) -> (Control, Steering) {
    let (sender, orders) = mpsc::channel(ORDERS);
    let follower = Follower::new(config, node, index);
    let control = Control::new(config, follower.shared(), sender);
    (control, Steering { follower, orders })
}
