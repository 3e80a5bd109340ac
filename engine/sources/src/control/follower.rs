//! Decides what control messages do, and what to send.
//!
//! Knows no socket and no clock: the owner of the store reports what happened, and asks what to send. Several requests may
//! be under way. None waits for the answer to another one, except the mark for the subscription's.

mod messages;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

use super::config::Config;
use super::document_store::DocumentStore;
use super::fleet::Fleet;
use super::handle::{Shared, SyncState, View};
use super::initial_sync::{InitialSync, Step};
use super::problems::Problems;
use super::publish_probe::{PublishProbes, RequestKind};
use super::reserved::Reservation;
use super::store::{StoreFacts, StoreReady, StoreRequest};
use super::topic::{self, Topic};
use super::writes::{Order, Writes};
use crate::in_flight::InFlight;
use floodway_core::event::now_micros;
use floodway_core::index::Index;

/// How long to wait for the next step of reading while no document comes.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Pauses before a store that did not give everything is asked again: the first, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

/// How long a connection has to last after a refusal to have survived it: some brokers end it a moment after their answer.
const SURVIVED_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Stage {
    Away,
    InitialSync(InitialSync),
    Following,
    /// The store did not give everything, as is known `since` then. It is asked again at `until`.
    Partial {
        since: Instant,
        until: Instant,
    },
}

/// Follows the control documents of one store at a time.
pub struct Follower {
    node: String,
    store: DocumentStore,
    shared: Arc<Shared>,
    /// From every [`super::Control`].
    orders: mpsc::Receiver<Order>,
    problems: Problems,
    fleet: Fleet,
    writes: Writes,
    reservation: Reservation,
    facts: StoreFacts,
    probes: PublishProbes,
    stage: Stage,
    sync_state: SyncState,
    /// When the documents were last those of the store, if they no longer are.
    known_at: Option<SystemTime>,
    in_flight: InFlight<RequestKind>,
    /// On this connection all was read that will be, or the store has refused it before.
    is_settled: bool,
    retry: Duration,
    /// Why the store last did not give everything; the same reason is not logged again.
    logged_reason: Option<String>,
    /// The store says of live messages whether it keeps them.
    shows_retained: bool,
}

impl Follower {
    pub(super) fn new(
        config: &Config,
        node: &str,
        index: Arc<Index>,
        shared: Arc<Shared>,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        Self {
            node: node.to_owned(),
            store: DocumentStore::new(config, index),
            reservation: Reservation::new(Arc::clone(&shared.ids)),
            shared,
            orders,
            problems: Problems::default(),
            fleet: Fleet::new(config, node),
            writes: Writes::default(),
            facts: StoreFacts::default(),
            probes: PublishProbes::default(),
            stage: Stage::Away,
            sync_state: SyncState::Away,
            known_at: None,
            in_flight: InFlight::default(),
            is_settled: false,
            retry: RETRY.0,
            logged_reason: None,
            shows_retained: false,
        }
    }

    /// The topic of our status, for a last will that clears it.
    pub fn will_topic(&self) -> String {
        topic::fleet(&self.node)
    }

    /// The store is connected, and knows nothing of us.
    pub fn link_up(&mut self, facts: StoreFacts, now: Instant) {
        self.facts = facts;
        self.shows_retained = false;
        self.is_settled = self.logged_reason.is_some() || !self.probes.may_try();
        self.fleet.link_up();
        if !self.probes.status.may_try() {
            tracing::warn!("other gateways are not told of this one: the broker ends the connection for its status");
        }
        if !facts.is_able {
            self.follow_partially("the broker keeps no retained messages or takes no QoS 1", now);
        } else if self.probes.follow.may_try() {
            self.begin(now);
        } else {
            self.follow_partially("the broker ends the connection for the subscription", now);
        }
        self.show();
    }

    /// The store is gone. What was read holds; writes that were not confirmed fail.
    pub fn link_lost(&mut self) {
        self.stage = Stage::Away;
        self.probes.link_lost();
        self.in_flight = InFlight::default();
        self.is_settled = false;
        self.writes.fail_all("the control store is gone");
        self.reservation.link_lost();
        self.sync_state = SyncState::Away;
        self.show();
    }

    /// The store is not reached, or gone, for this reason: events flow without it.
    pub(super) fn unreached(&mut self, reason: &str, now: Instant) {
        self.link_lost();
        self.reservation.unreached(reason, now);
        self.sync_state = SyncState::Partial(format!("the control store is away: {reason}"));
        self.show();
    }

    /// What its handles share with it.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Whether tenants may be confirmed on this connection.
    pub fn is_settled(&self) -> bool {
        self.is_settled && !self.reservation.is_beginning()
    }

    /// Takes the next write that somebody requests, while there is room for it. May be cancelled.
    pub async fn take_order(&mut self) {
        if !self.writes.is_full()
            && let Some(order) = self.orders.recv().await
        {
            return self.order(order);
        }
        pending().await
    }

    pub(super) fn order(&mut self, order: Order) {
        match self.sync_state.may_write().and_then(|()| self.store.check(&order, self.facts)) {
            Ok(()) => self.writes.push(order),
            Err(error) => order.fail(error),
        }
    }

    /// The request to send now, if any. It counts as under way from then on.
    pub fn next_request(&mut self, ready: StoreReady, now: Instant) -> Option<StoreRequest> {
        let (what, request) = match &mut self.stage {
            Stage::InitialSync(sync) => {
                let step = sync.next_request(&self.node, &mut self.probes, ready)?;
                sync.quiet_since = now;
                step
            }
            Stage::Following if ready.publish => self.publication(now)?,
            _ => return None,
        };
        self.in_flight.begin(what);
        Some(request)
    }

    /// The request that was handed over last is on its way with this number.
    pub fn sent(&mut self, id: u16) {
        self.in_flight.sent(id);
    }

    /// The store has answered the request with this number. An error is its reason to refuse.
    pub fn answered(&mut self, id: u16, answer: Result<(), String>, now: Instant) {
        let Some(what) = self.in_flight.answered(id) else {
            return tracing::debug!(id, "an answer that nobody waits for any more");
        };
        match (what, answer) {
            (RequestKind::Subscribe, Ok(())) => {
                self.probes.follow.survived();
                // The store sends what it keeps: the mark is next.
                if let Stage::InitialSync(sync) = &mut self.stage
                    && sync.step == Step::Granted
                {
                    (sync.step, sync.quiet_since) = (Step::Mark, now);
                }
            }
            (RequestKind::Subscribe, Err(reason)) => {
                self.refused(&format!("the subscription was refused: {reason}"), now);
            }
            (RequestKind::Mark, Err(reason)) => self.refused(&format!("publishing was refused: {reason}"), now),
            (RequestKind::Reserve, Err(reason)) => self.reservation.without(&reason, now),
            (RequestKind::Write(number), answer) => self.writes.answered(number, answer),
            (RequestKind::Mark | RequestKind::Reserve, Ok(())) => {}
            (RequestKind::Status, answer) => {
                self.probes.status.survived();
                if let Err(reason) = answer {
                    tracing::debug!(reason, "our own status was refused");
                }
            }
        }
        self.show();
    }

    /// A message has come. Returns whether it was one of control.
    pub fn message(&mut self, topic: &[u8], payload: &[u8], retain: bool, now: Instant) -> bool {
        if !topic::is_control(topic) {
            return false;
        }
        let text = String::from_utf8_lossy(topic);
        match topic::parse(&text) {
            Some(Topic::Sync(node)) if node == self.node => self.mark(payload, now),
            Some(Topic::Sync(_)) => {}
            Some(Topic::Fleet(node)) => self.fleet(node, &text, payload, retain, now),
            Some(Topic::Reserved) => self.problems.note(&text, self.reservation.received(payload), now),
            Some(Topic::Document(key)) => {
                // Only documents show that reading goes on: the fleet publishes all the time.
                if let Stage::InitialSync(sync) = &mut self.stage {
                    sync.quiet_since = now;
                }
                self.document(&key, &text, payload, retain, now);
            }
            None if payload.is_empty() => self.problems.clear(&text),
            None => self.problems.add(&text, "the topic is not known".to_owned(), now),
        }
        self.show();
        true
    }

    /// To be called about once a second.
    pub fn sweep(&mut self, now: Instant) {
        self.fleet.sweep(now);
        self.reservation.sweep(now);
        let has_lost_copies = self.writes.sweep(now);
        if matches!(self.stage, Stage::Partial { since, .. } if now >= since + SURVIVED_AFTER) {
            self.probes.survived();
        }
        match &self.stage {
            Stage::InitialSync(sync) if now >= sync.quiet_since + READ_TIMEOUT => {
                let reason = sync.silence(&self.probes, self.logged_reason.as_deref());
                self.follow_partially(&reason, now);
            }
            Stage::Partial { until, .. } if now >= *until && self.facts.is_able && self.probes.may_try() => {
                self.begin(now)
            }
            // If a copy was lost, other messages may have been lost too.
            Stage::Following if has_lost_copies => self.begin(now),
            _ => {}
        }
        self.show();
    }

    /// The topic to clear before an orderly end, so that our status is gone.
    pub fn topic_to_clear(&self) -> Option<String> {
        let is_there = !matches!(self.stage, Stage::Away) && self.fleet.has_published();
        is_there.then(|| topic::fleet(&self.node))
    }

    fn begin(&mut self, now: Instant) {
        // A retained message that comes again must not count as a copy.
        self.writes.fail_all("the documents of the control store are read anew");
        self.reservation.begin();
        self.in_flight = InFlight::default();
        self.stage = Stage::InitialSync(InitialSync::new(now));
        // The documents in force stay so while they are read again, and writes stay refused.
        if !matches!(self.sync_state, SyncState::Partial(_)) {
            self.sync_state = SyncState::Reading;
        }
    }

    /// The mark has come back: everything that was kept is there.
    fn mark(&mut self, payload: &[u8], now: Instant) {
        let sync = match std::mem::replace(&mut self.stage, Stage::Following) {
            Stage::InitialSync(sync) if sync.nonce.as_bytes() == payload => sync,
            other => return self.stage = other,
        };
        if std::mem::take(&mut self.facts.has_backlog) {
            // A deletion may be missing among the old messages, which are all in front of the mark: they count no more.
            return self.begin(now);
        }
        let documents = sync.whole(&self.store.documents, &self.store.config);
        self.store.replace(documents);
        self.reservation.read(now_micros(), now);
        self.probes.survived();
        self.is_settled = true;
        self.logged_reason = None;
        self.retry = RETRY.0;
        self.sync_state = SyncState::Following;
        let documents = &self.store.documents;
        let (groups, limits) = (documents.group_count(), documents.tenant_limits().count());
        tracing::info!(groups, limits, "control documents read");
    }

    fn refused(&mut self, reason: &str, now: Instant) {
        // A late refusal says nothing new.
        if matches!(self.stage, Stage::InitialSync(_)) {
            self.follow_partially(reason, now);
        }
    }

    /// The store does not give everything: events flow without the rest.
    fn follow_partially(&mut self, reason: &str, now: Instant) {
        let until = now + self.retry;
        self.retry = (self.retry * 2).min(RETRY.1);
        if let Stage::InitialSync(sync) = std::mem::replace(&mut self.stage, Stage::Partial { since: now, until }) {
            let documents = sync.partial(&self.store.documents, &self.store.config);
            if documents != *self.store.documents {
                self.known_at = Some(SystemTime::now());
            }
            self.store.replace(documents);
        }
        self.is_settled = true;
        self.reservation.without(reason, now);
        self.writes.fail_queued(reason);
        self.sync_state = SyncState::Partial(reason.to_owned());
        if self.logged_reason.as_deref() != Some(reason) {
            let needs = "publish and subscribe to floodway/control/#";
            tracing::warn!(reason, needs, "limits and groups can't be kept in the control store");
            self.logged_reason = Some(reason.to_owned());
        }
    }

    /// Shows others what has changed, and then answers the writes that it contains.
    fn show(&mut self) {
        let seen = self.shared.view.load_full();
        if seen.sync_state == SyncState::Following && self.sync_state != SyncState::Following {
            self.known_at = Some(SystemTime::now());
        }
        let members = self.fleet.changed();
        self.shared.view.store(Arc::new(View {
            sync_state: self.sync_state.clone(),
            known_at: self.known_at,
            documents: Arc::clone(&self.store.documents),
            members: members.unwrap_or_else(|| Arc::clone(&seen.members)),
            problems: Arc::clone(&self.problems.kept),
        }));
        self.writes.finish();
    }
}
