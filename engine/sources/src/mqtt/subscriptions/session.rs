//! The session that a broker keeps while there is no link.
//!
//! What was granted in it holds on the next link, and what was published meanwhile comes before anything else. So its
//! tenants are confirmed at once, without a gap. Three things make a gap all the same:
//! * The session is not the one of the last link, or another client has had it in between.
//! * The tenant's devices publish with QoS 0, which a broker need not keep (MQTT 5.0, 4.1).
//! * The tenant was not confirmed in it.
//!
//! A session may hold subscriptions that nobody knows any more, of this process or the one before. They are found by
//! their messages, and given up.

use std::sync::Arc;

use hashbrown::HashSet;

use super::Subscriptions;
use super::entry::State;
use crate::mqtt::config::{self, Config, Subscribe};
use floodway_core::index::Tenant;
use floodway_protocol::names::TenantId;

/// Subscriptions that are given up in a second, at most.
const STRAYS: usize = 50;

#[derive(Debug)]
pub(super) struct Session {
    is_persistent: bool,
    /// The broker had a session of ours when this link began.
    pub(super) is_present: bool,
    /// Tenants that nobody knows and whose messages came within the last second.
    pub(super) strays: HashSet<TenantId>,
    /// The subscription to all tenants, of a process before, may be in the session of this mode `on_demand`.
    pub(super) may_hold_all: bool,
}

impl Session {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            is_persistent: config.session == config::Session::Persistent,
            is_present: false,
            strays: HashSet::new(),
            may_hold_all: false,
        }
    }
}

impl Subscriptions {
    /// A link begins, on which the broker has a session of ours or not; `is_same` broker as that of the last link.
    pub(super) fn begin_session(&mut self, is_present: bool, is_same: bool) {
        self.session.is_present = is_present && self.session.is_persistent;
        self.session.strays.clear();
        let is_known = self.entries.values().any(|entry| entry.subscription.in_session);
        self.session.may_hold_all = self.session.is_present && self.mode == Subscribe::OnDemand && !is_known;
        if !self.session.is_present || !is_same {
            return self.forget_session();
        }
        if self.all_tenants.in_session {
            self.all_tenants.grant();
        }
        for entry in self.entries.values_mut() {
            if !entry.subscription.in_session || entry.subscription.state != State::Idle {
                continue;
            }
            if !std::mem::take(&mut entry.has_unkept) {
                entry.tracked.nothing_missed();
            }
            self.confirmed.push_back(entry.confirm());
        }
    }

    /// What the broker kept is not ours any more.
    pub(in crate::mqtt) fn forget_session(&mut self) {
        self.all_tenants.in_session = false;
        for entry in self.entries.values_mut() {
            (entry.subscription.in_session, entry.has_unkept) = (false, false);
        }
    }

    /// Whether each message is to be shown to [`Subscriptions::message`]. Cheap, and nearly always false where the session is
    /// clean.
    pub(in crate::mqtt) fn watches_messages(&self) -> bool {
        self.in_flight.owes_gap || self.session.is_persistent
    }

    /// A message of this tenant has come, of a kind that a session keeps or not. Returns the tenant if it is owed a gap: a
    /// broker may send events before its SUBACK (MQTT 5.0, 3.8.4), and the gap belongs before them. It counts as sent then.
    pub(in crate::mqtt) fn message(&mut self, tenant: &str, is_kept: bool) -> Option<Arc<Tenant>> {
        let may_come = self.mode == Subscribe::All || self.session.is_present;
        let Some(entry) = self.entries.get_mut(tenant) else {
            self.give_up(tenant);
            return None;
        };
        entry.has_unkept |= !is_kept;
        if may_come || entry.subscription.is_requested() {
            entry.tracked.gap_before_event()
        } else {
            None
        }
    }

    /// A message has come of a tenant that is not tracked. If nobody knows it, its subscription is of another time.
    #[cold]
    fn give_up(&mut self, tenant: &str) {
        let is_stray = self.session.is_present && self.mode == Subscribe::OnDemand && self.index.find(tenant).is_none();
        if is_stray
            && self.session.strays.len() < STRAYS
            && let Ok(name) = TenantId::parse(tenant)
            && self.session.strays.insert(name.clone())
        {
            self.leaving.push_back(name);
        }
    }
}
