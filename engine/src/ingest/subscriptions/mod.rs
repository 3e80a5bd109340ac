//! Which tenants are subscribed at the broker, and which are to be.
//!
//! Knows no socket and no clock: it is told what happened, and asked what to send. Invariants:
//! * A tenant counts as confirmed only once a SUBACK of *this* connection granted its filter. Losing the link takes
//!   every confirmation back; the next one tells those that had one before that events may be missing.
//! * Every tenant of the index is noticed by the next sweep at the latest, whatever became of the request for it.
//! * A tenant leaves the index only after nobody had a place in it for the linger, and is unsubscribed only if it is
//!   gone from there and no successor of its name has come.
//! * One request is under way at a time: a client may use as few packet ids as the broker's Receive Maximum, which
//!   may be 1, and rumqttc does not check that an id is free. Batches make up for it, and grow by themselves.

mod entry;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::config::{Config, Subscribe};
use super::state::LinkState;
use super::topic;
use crate::control;
use crate::index::{Index, Tenant};
use crate::names::TenantId;
use entry::{Entry, Standing, State};

/// Filters of one SUBSCRIBE at most.
pub(super) const BATCH_FILTERS: usize = 100;

/// Bytes of its filters at most, well below any broker's limit on packets.
const BATCH_BYTES: usize = 8 * 1024;

/// What to send to the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(String),
    Control(control::Request),
}

/// The broker sends this tenant's events from now on.
#[derive(Debug)]
pub(super) struct Confirmation {
    pub(super) tenant: Arc<Tenant>,
    /// It did so before the link was lost, and not in between: tell the gap first.
    pub(super) after_loss: bool,
    /// Its subscribers were told that the broker refuses it.
    pub(super) after_refusal: bool,
}

/// The broker's answer for one filter, with its reason to refuse (MQTT 5.0, 3.9.3).
pub(super) type Answer = Result<(), String>;

#[derive(Debug)]
struct UnderWay {
    what: What,
    /// Its packet id, once it is on its way.
    id: Option<u16>,
    since: Instant,
}

#[derive(Debug)]
enum What {
    Tenants(Vec<TenantId>),
    Everything,
    Unsubscribe,
}

/// The subscriptions of one gateway.
#[derive(Debug)]
pub(super) struct Subscriptions {
    mode: Subscribe,
    linger: Duration,
    retry_max: Duration,
    answer_timeout: Duration,
    subscribe_timeout: Duration,
    index: Arc<Index>,
    entries: HashMap<TenantId, Entry>,
    /// The one subscription of the mode `all`.
    everything: Standing,
    /// Why it was refused last, until it is granted.
    everything_refusal: Option<Arc<str>>,
    link_is_up: bool,
    under_way: Option<UnderWay>,
    /// Names to subscribe and to unsubscribe, oldest first. An entry that has moved on meanwhile is passed over.
    queued: VecDeque<TenantId>,
    leaving: VecDeque<TenantId>,
    confirmed: VecDeque<Confirmation>,
    /// Tenants with subscribers that were refused.
    refused: VecDeque<Arc<Tenant>>,
}

impl Subscriptions {
    /// Begins without a link.
    pub(super) fn new(config: &Config, index: Arc<Index>) -> Self {
        Self {
            mode: config.subscribe,
            linger: config.linger,
            retry_max: config.backoff_max,
            answer_timeout: config.keep_alive * 2,
            subscribe_timeout: config.subscribe_timeout,
            index,
            entries: HashMap::new(),
            everything: Standing::new(config.backoff_max),
            everything_refusal: None,
            link_is_up: false,
            under_way: None,
            queued: VecDeque::new(),
            leaving: VecDeque::new(),
            confirmed: VecDeque::new(),
            refused: VecDeque::new(),
        }
    }

    /// A broker is connected, and knows nothing of us.
    pub(super) fn link_up(&mut self) {
        self.link_is_up = true;
        match self.mode {
            Subscribe::All => self.everything.state = State::Queued,
            Subscribe::OnDemand => {
                let wanted = self
                    .entries
                    .iter_mut()
                    .filter(|(_, entry)| entry.is_wanted());
                for (name, entry) in wanted {
                    entry.standing.state = State::Queued;
                    self.queued.push_back(name.clone());
                }
            }
        }
    }

    /// The broker is gone, and with it all that it had granted. Whoever waits for a tenant is told.
    pub(super) fn link_lost(&mut self) {
        self.link_is_up = false;
        // The requests for some may still be on their way.
        self.index
            .tenants()
            .iter()
            .for_each(|tenant| self.notice(tenant));
        self.under_way = None;
        self.queued.clear();
        self.leaving.clear();
        self.confirmed.clear();
        self.refused.clear();
        self.everything = Standing::new(self.retry_max);
        self.everything_refusal = None;
        self.entries.retain(|_, entry| {
            let stays = entry.standing.state != State::Leaving;
            entry.lose(entry.standing.state == State::Confirmed);
            stays
        });
    }

    /// Somebody waits for `tenant`.
    pub(super) fn want(&mut self, tenant: &Arc<Tenant>) {
        // A request may be older than the tenant's retirement.
        if self
            .index
            .find(tenant.id().as_str())
            .is_some_and(|found| Arc::ptr_eq(&found, tenant))
        {
            self.notice(tenant);
        }
    }

    /// To be called about once a second: finds tenants that nobody asked for, retries refusals, ends lingering.
    pub(super) fn sweep(&mut self, now: Instant) {
        for tenant in self.index.tenants() {
            self.notice(&tenant);
        }
        if self.link_is_up && self.everything.is_due(now) {
            self.everything.state = State::Queued;
        }
        let Self {
            entries,
            index,
            queued,
            leaving,
            link_is_up,
            linger,
            mode,
            ..
        } = self;
        entries.retain(|name, entry| {
            if *link_is_up && *mode == Subscribe::OnDemand && entry.standing.is_due(now) {
                entry.standing.state = State::Queued;
                queued.push_back(name.clone());
            }
            if !entry.has_lingered(now, *linger) || !entry.leave(index) {
                return true;
            }
            let is_subscribed =
                *mode == Subscribe::OnDemand && entry.standing.state == State::Confirmed;
            if is_subscribed {
                entry.standing.state = State::Leaving;
                leaving.push_back(name.clone());
            }
            is_subscribed
        });
    }

    /// What to send now, if anything. It counts as under way from then on.
    pub(super) fn next_request(&mut self, now: Instant) -> Option<Request> {
        if !self.link_is_up || self.under_way.is_some() {
            return None;
        }
        let (request, what) = self
            .everything_request()
            .or_else(|| self.batch())
            .or_else(|| self.departure())?;
        self.under_way = Some(UnderWay {
            what,
            id: None,
            since: now,
        });
        Some(request)
    }

    /// Whether a request is under way.
    pub(super) fn is_waiting(&self) -> bool {
        self.under_way.is_some()
    }

    /// The request under way was given this packet id.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(under_way) = &mut self.under_way {
            under_way.id = Some(id);
        }
    }

    /// A SUBACK or UNSUBACK has come, with one answer for each filter (MQTT 5.0, 3.9.3 and 3.11.3).
    pub(super) fn answered(&mut self, id: u16, answers: &[Answer], now: Instant) {
        let Some(under_way) = self.under_way.take_if(|under_way| under_way.id == Some(id)) else {
            return tracing::warn!(id, "the broker answers a request that is not under way");
        };
        match under_way.what {
            What::Unsubscribe => {}
            What::Everything => self.everything_answered(answers, now),
            What::Tenants(names) => self.batch_answered(&names, answers, now),
        }
    }

    /// The next tenant that was confirmed, to be told so.
    pub(super) fn next_confirmed(&mut self) -> Option<Confirmation> {
        self.confirmed.pop_front()
    }

    /// The next tenant whose live streams are to be told that the broker refuses it.
    pub(super) fn next_refused(&mut self) -> Option<Arc<Tenant>> {
        self.refused.pop_front()
    }

    /// How the link stands for those who want to begin a stream: what is refused or unanswered counts only where it
    /// concerns every tenant.
    pub(super) fn link_state(&self, now: Instant) -> LinkState {
        if let Some(reason) = &self.everything_refusal {
            return LinkState::Refused(Arc::clone(reason));
        }
        let is_late = |under_way: &UnderWay| {
            matches!(under_way.what, What::Everything)
                && now >= under_way.since + self.subscribe_timeout
        };
        if self.under_way.as_ref().is_some_and(is_late) {
            LinkState::Unanswered
        } else {
            LinkState::Open
        }
    }

    /// The tenant, if an event of it comes while it is owed a gap: a broker may send events before its SUBACK (MQTT
    /// 5.0, 3.8.4), and the gap's place is before them. It is not owed any more then.
    pub(super) fn gap_before(&mut self, tenant: &str) -> Option<Arc<Tenant>> {
        let mode = self.mode;
        let is_asked =
            |entry: &&mut Entry| mode == Subscribe::All || entry.standing.state == State::Asked;
        let entry = self.entries.get_mut(tenant).filter(is_asked)?;
        entry.tell_early().then(|| Arc::clone(&entry.tenant))
    }

    /// Whether the next event may be of a tenant that is owed a gap. Cheap, and nearly always false.
    pub(super) fn may_owe_gaps(&self) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|under_way| !matches!(under_way.what, What::Unsubscribe))
    }

    /// Whether the broker has left a request unanswered for so long that the link is as good as lost.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|under_way| now >= under_way.since + self.answer_timeout)
    }

    /// Makes sure that `tenant`, which is in the index, is in the table, and asked for if it should be.
    fn notice(&mut self, tenant: &Arc<Tenant>) {
        let retry_max = self.retry_max;
        let entry = self
            .entries
            .entry(tenant.id().clone())
            .or_insert_with(|| Entry::new(Arc::clone(tenant), retry_max));
        if !Arc::ptr_eq(&entry.tenant, tenant) {
            // The name's last tenant has left the index. What the broker granted to it holds for its successor.
            if entry.succeed(Arc::clone(tenant)) {
                self.confirmed.push_back(entry.confirm());
            }
        }
        if !self.link_is_up || entry.standing.state != State::Idle {
            return;
        }
        match (self.mode, &self.everything.state) {
            (Subscribe::All, State::Confirmed) => self.confirmed.push_back(entry.confirm()),
            (Subscribe::All, State::Refused(_)) => {
                let reason = self.everything_refusal.as_deref();
                tenant.set_refused(reason.unwrap_or_default());
            }
            (Subscribe::OnDemand, _) if entry.is_wanted() => {
                entry.standing.state = State::Queued;
                self.queued.push_back(tenant.id().clone());
            }
            _ => {}
        }
    }

    fn everything_request(&mut self) -> Option<(Request, What)> {
        if self.everything.state != State::Queued {
            return None;
        }
        self.everything.state = State::Asked;
        Some((
            Request::Subscribe(vec![topic::ALL.to_owned()]),
            What::Everything,
        ))
    }

    fn batch(&mut self) -> Option<(Request, What)> {
        let (mut filters, mut names, mut bytes) = (Vec::new(), Vec::new(), 0);
        while filters.len() < BATCH_FILTERS && bytes < BATCH_BYTES {
            let Some(name) = self.queued.pop_front() else {
                break;
            };
            let Some(entry) = self
                .entries
                .get_mut(&name)
                .filter(|entry| entry.standing.state == State::Queued)
            else {
                continue;
            };
            entry.standing.state = State::Asked;
            let filter = topic::filter(&name);
            bytes += filter.len();
            filters.push(filter);
            names.push(name);
        }
        (!names.is_empty()).then_some((Request::Subscribe(filters), What::Tenants(names)))
    }

    /// The oldest tenant that left. From here on a successor is a stranger, and subscribed anew, after this.
    fn departure(&mut self) -> Option<(Request, What)> {
        while let Some(name) = self.leaving.pop_front() {
            if self
                .entries
                .get(&name)
                .is_some_and(|entry| entry.standing.state == State::Leaving)
            {
                self.entries.remove(&name);
                return Some((
                    Request::Unsubscribe(topic::filter(&name)),
                    What::Unsubscribe,
                ));
            }
        }
        None
    }

    fn everything_answered(&mut self, answers: &[Answer], now: Instant) {
        match refusal(answers, 0) {
            None => {
                self.everything.grant();
                self.everything_refusal = None;
                self.confirmed
                    .extend(self.entries.values_mut().map(Entry::confirm));
            }
            Some(reason) => {
                self.everything.refuse(now);
                tracing::warn!(filter = topic::ALL, reason, "subscription refused");
                self.everything_refusal = Some(reason.into());
                let refused = self.entries.values_mut();
                self.refused
                    .extend(refused.filter_map(|entry| entry.refuse(reason)));
            }
        }
    }

    fn batch_answered(&mut self, names: &[TenantId], answers: &[Answer], now: Instant) {
        let mut refused = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let Some(entry) = self.entries.get_mut(name) else {
                continue;
            };
            let Some(reason) = refusal(answers, place) else {
                self.confirmed.push_back(entry.confirm());
                continue;
            };
            entry.standing.refuse(now);
            self.refused.extend(entry.refuse(reason));
            refused.push((name, reason));
        }
        // One line for a batch: a broker that refuses everybody does so again and again.
        if let Some((first, reason)) = refused.first() {
            let tenant = first.as_str();
            tracing::warn!(
                tenant,
                reason,
                count = refused.len(),
                "subscriptions refused"
            );
        }
    }
}

/// Why the filter at this place was refused. One that the broker left out is not granted.
fn refusal(answers: &[Answer], place: usize) -> Option<&str> {
    match answers.get(place) {
        Some(Ok(())) => None,
        Some(Err(reason)) => Some(reason),
        None => Some("the broker gave no answer"),
    }
}
