//! What other threads see of control, and their handle: the admin API, and whoever fills in our own status.
//!
//! Invariant: a view never changes; each change makes a new one, so a reader has all of one moment and delays nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::attempts::Attempts;
use super::config::Config;
use super::documents::{Document, Documents, TenantGroups};
use super::fleet::{Member, Status};
use super::payload::{Group, check_limits};
use super::problems::Problem;
use super::topic::Key;
use super::writes::{Order, WriteError, unconfirmed};
use floodway_core::event::Ids;
use floodway_core::index::{OwnLimits, Tenant};
use floodway_protocol::names::{GroupId, TenantId};

/// How long a store that does not answer may hold a source up, as long as a broker may.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// How far the control documents are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SyncState {
    /// The store is not connected. What was read before holds.
    #[default]
    Away,
    /// The store is connected, and its documents are being read.
    Reading,
    /// Everything was read, and is followed.
    Following,
    /// The store does not give all of it, for this reason. What comes is followed; nothing can be written.
    Partial(String),
}

impl SyncState {
    /// # Errors
    /// Why nothing can be written.
    pub(super) fn may_write(&self) -> Result<(), WriteError> {
        let reason = match self {
            Self::Following => return Ok(()),
            Self::Away => "the control store is not connected",
            Self::Reading => "the documents of the control store are still being read",
            Self::Partial(reason) => reason,
        };
        Err(WriteError::Unavailable(reason.to_owned()))
    }
}

/// How old the known documents are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// They are those of the store.
    Current,
    /// They were those of the store at this time.
    Since(SystemTime),
    /// None were ever read.
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) sync_state: SyncState,
    /// When the documents were last those of the store; none while they are, or were never read.
    pub(super) known_at: Option<SystemTime>,
    pub(super) documents: Arc<Documents>,
    pub(super) members: Arc<Vec<Member>>,
    pub(super) problems: Arc<VecDeque<Problem>>,
}

/// Between the follower and its handles.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) view: ArcSwap<View>,
    /// The ids of events, as far as they are reserved.
    pub(super) ids: Arc<Ids>,
    /// Our own status, as it was last announced.
    pub(super) own: ArcSwapOption<Status>,
    /// Those of a store that stands beside the sources.
    pub(super) attempts: Attempts,
}

/// A handle to control: cheap to clone, for any thread. It reads this gateway's memory and costs the store
/// nothing.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    config: Config,
}

impl Control {
    pub(super) fn new(config: &Config, shared: Arc<Shared>, orders: mpsc::Sender<Order>) -> Self {
        Self { shared, orders, config: config.clone() }
    }

    /// How far the documents are followed.
    pub fn sync_state(&self) -> SyncState {
        self.shared.view.load().sync_state.clone()
    }

    /// How old the documents are.
    pub fn age(&self) -> Age {
        let view = self.shared.view.load();
        match (&view.sync_state, view.known_at) {
            (SyncState::Following, _) => Age::Current,
            (_, Some(at)) => Age::Since(at),
            (_, None) => Age::Unknown,
        }
    }

    /// All limits and groups in force, of one moment.
    pub fn documents(&self) -> Arc<Documents> {
        Arc::clone(&self.shared.view.load().documents)
    }

    /// A tenant's groups, by name.
    pub fn groups(&self, tenant: &TenantId) -> Arc<TenantGroups> {
        self.documents().groups(tenant).cloned().unwrap_or_default()
    }

    /// `tenant` is about to be confirmed: from here on it has its groups. For the thread of ingest, on which they change.
    pub(crate) fn apply_groups(&self, tenant: &Tenant) {
        if let Some(groups) = self.documents().groups(tenant.id()) {
            tenant.set_groups(Arc::clone(groups.members()));
        }
    }

    /// Waits, where the store stands beside the sources and is not followed, until it was read or is known to be away, or does
    /// not answer for too long. A source that connects does so before it confirms anybody.
    pub(crate) async fn settled(&self) {
        let _ = timeout(SETTLED_WITHIN, self.shared.attempts.settled()).await;
    }

    /// The ids of events, which are reserved in the store.
    pub(crate) fn ids(&self) -> Arc<Ids> {
        Arc::clone(&self.shared.ids)
    }

    /// One group of a tenant.
    pub fn group(&self, tenant: &TenantId, group: &GroupId) -> Option<Arc<Group>> {
        self.documents().groups(tenant)?.by_name().get(group).cloned()
    }

    /// Makes or replaces a group, for every gateway. Done when it can be read here.
    ///
    /// # Errors
    /// Why it was not done; see [`WriteError`].
    pub async fn put_group(
        &self,
        tenant: &TenantId,
        group: &GroupId,
        devices: impl IntoIterator<Item = &str>,
    ) -> Result<(), WriteError> {
        let members = Group::new(devices, self.config.group_devices)?;
        let key = Key::Group(tenant.clone(), group.clone());
        self.write(key, Some(Document::Group(Arc::new(members)))).await
    }

    /// Deletes a group, for every gateway.
    ///
    /// # Errors
    /// [`WriteError::NotFound`] if there is none; else why it was not done.
    pub async fn delete_group(&self, tenant: &TenantId, group: &GroupId) -> Result<(), WriteError> {
        self.write(Key::Group(tenant.clone(), group.clone()), None).await
    }

    /// A tenant's own limits, or with `None` those of every tenant, if they were set.
    pub fn limits(&self, tenant: Option<&TenantId>) -> Option<OwnLimits> {
        self.documents().limits(tenant).copied()
    }

    /// Replaces a tenant's own limits, or with `None` those of every tenant, for every gateway.
    ///
    /// # Errors
    /// Why it was not done; see [`WriteError`].
    pub async fn set_limits(&self, tenant: Option<&TenantId>, limits: OwnLimits) -> Result<(), WriteError> {
        check_limits(&limits)?;
        self.write(Key::Limits(tenant.cloned()), Some(Document::Limits(limits))).await
    }

    /// Takes such limits back.
    ///
    /// # Errors
    /// [`WriteError::NotFound`] if none were set; else why it was not done.
    pub async fn clear_limits(&self, tenant: Option<&TenantId>) -> Result<(), WriteError> {
        self.write(Key::Limits(tenant.cloned()), None).await
    }

    /// The other gateways on the store, by node id, as they last reported.
    pub fn fleet(&self) -> Arc<Vec<Member>> {
        Arc::clone(&self.shared.view.load().members)
    }

    /// Messages that were refused, the newest last; 100 at most.
    pub fn problems(&self) -> Vec<Problem> {
        self.shared.view.load().problems.iter().cloned().collect()
    }

    /// How often [`Control::announce`] is to be called.
    pub fn announce_every(&self) -> Duration {
        self.config.fleet
    }

    /// What the others are to know of this gateway. It is published if it has changed.
    pub fn announce(&self, status: Status) {
        let interval_ms = u64::try_from(self.config.fleet.as_millis()).unwrap_or(u64::MAX);
        self.shared.own.store(Some(Arc::new(Status { interval_ms, ..status })));
    }

    /// Once it has begun, the write goes on even if the caller does not wait for its end.
    async fn write(&self, key: Key, document: Option<Document>) -> Result<(), WriteError> {
        self.sync_state().may_write()?;
        let (reply, done) = oneshot::channel();
        let order = Order { key, document, deadline: Instant::now() + self.config.write_timeout, reply };
        let no_room = |_| WriteError::Unavailable("too many writes are waiting, or the gateway stops".to_owned());
        self.orders.try_send(order).map_err(no_room)?;
        match timeout(self.config.write_timeout, done).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(unconfirmed("the gateway stops")),
            Err(_) => Err(unconfirmed("the control store has not confirmed it in time")),
        }
    }
}
