//! The registry of a shard's live streams, by number: other threads list and end them.
//!
//! Invariant: a stream is in the registry exactly while it is live. A listing is made in slices, of as many streams and
//! names in their filters as one turn may bear, so that no event waits for it. Only streams that are listed are copied.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use super::filter::Filter;
use super::state::State;
use super::subscriber::Key;
use super::sweep::Sweep;
use crate::index::{ClientInfo, ConnectionId, Transport};
use floodway_protocol::ends::End;
use floodway_protocol::names::TenantId;

/// Streams that are looked at between two turns.
pub(super) const SLICE: usize = 256;

/// Names in filters that are copied between two turns: a filter may hold a thousand.
const NAMES: usize = 4096;

/// A live stream, as it was when the shard was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who it is.
    pub about: ClientInfo,
    /// What it wants.
    pub filter: Filter,
    /// When it became live.
    pub since: SystemTime,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched it and did not reach it.
    pub dropped: u64,
    /// Events that wait for it. What it matched is delivered, dropped or held, but for events that came just now.
    pub held: u64,
    /// Those of them that fill its queue: all but one that is partly sent.
    pub queued: u64,
    /// Events that may wait for it.
    pub queue_size: usize,
    /// Bytes handed to the kernel.
    pub bytes: u64,
    /// When something was last written to it, to a tenth of a second.
    pub last_write: SystemTime,
    /// Since when its socket has not taken everything, to a tenth of a second; none if it keeps up.
    pub slow_since: Option<SystemTime>,
}

/// Which streams a listing has, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only those over one of these; all, if none is named.
    pub transports: Vec<Transport>,
    /// Only this subject's.
    pub subject: Option<String>,
    /// Only those that lag, the slowest first: the one for which the most events wait. Otherwise by number.
    pub slowest: bool,
    /// Only those with larger numbers.
    pub after: Option<ConnectionId>,
    /// At most so many, the first ones in this order.
    pub limit: usize,
}

/// The slowest of the streams that were looked at: the events that wait for each, and its number; the slowest first.
pub(super) type Slowest = BTreeSet<(Reverse<u64>, ConnectionId)>;

/// Which streams an administrator ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// One stream.
    Connection(ConnectionId),
    /// All streams of one of a tenant's subjects.
    Subject(TenantId, String),
    /// All streams of a tenant.
    Tenant(TenantId),
}

#[derive(Debug)]
pub(super) struct SubscriberRegistry {
    shard: usize,
    entered: u64,
    live: BTreeMap<ConnectionId, Key>,
}

impl SubscriberRegistry {
    pub(super) fn new(shard: usize) -> Self {
        Self {
            shard,
            entered: 0,
            live: BTreeMap::new(),
        }
    }

    /// Gives a stream its number.
    pub(super) fn enter(&mut self, key: Key) -> ConnectionId {
        self.entered += 1;
        let id = self.newest();
        self.live.insert(id, key);
        id
    }

    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.live.remove(&id);
    }

    /// The largest number given so far.
    pub(super) fn newest(&self) -> ConnectionId {
        ConnectionId::new(self.shard, self.entered)
    }

    pub(super) fn find(&self, id: ConnectionId) -> Option<Key> {
        self.live.get(&id).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// The next ones after number `after`, in their order.
    pub(super) fn after(
        &self,
        after: Option<ConnectionId>,
    ) -> impl Iterator<Item = (ConnectionId, Key)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.live.range((start, Bound::Unbounded));
        range.map(|(&id, &key)| (id, key))
    }
}

impl State {
    /// Looks at one slice of the registry, adds copies of the streams that are selected to `found`, and moves
    /// `select.after` on. Returns whether there are more to look at.
    pub(super) fn list(&self, select: &mut Select, found: &mut Vec<Connection>) -> bool {
        let now = SystemTime::now();
        let (mut names, mut last) = (0, select.after);
        let mut slice = self.roll.after(select.after);
        for (id, key) in slice.by_ref().take(SLICE) {
            if found.len() >= select.limit {
                return false;
            }
            last = Some(id);
            if self.is_selected(key, select) {
                let connection = self.connection(key, now);
                names += connection.filter.names();
                found.push(connection);
            }
            if names > NAMES {
                break;
            }
        }
        let has_more = slice.next().is_some();
        drop(slice);
        select.after = last;
        has_more
    }

    /// As [`State::list`], for the slowest: keeps `select.limit` of them in `slowest`, and copies none.
    pub(super) fn rank(&self, select: &mut Select, slowest: &mut Slowest) -> bool {
        let mut slice = self.roll.after(select.after);
        let mut last = select.after;
        for (id, key) in slice.by_ref().take(SLICE) {
            last = Some(id);
            let held = self.subscribers[key.0 as usize].held();
            if held > 0 && self.is_selected(key, select) {
                slowest.insert((Reverse(held), id));
                if slowest.len() > select.limit {
                    slowest.pop_last();
                }
            }
        }
        let has_more = slice.next().is_some();
        drop(slice);
        select.after = last;
        has_more
    }

    fn is_selected(&self, key: Key, select: &Select) -> bool {
        let about = &self.subscribers[key.0 as usize].card.about;
        let by = |one: &TenantId| one == self.tenant(key);
        select.tenant.as_ref().is_none_or(by)
            && (select.transports.is_empty() || select.transports.contains(&about.transport))
            && (select.subject.is_none() || select.subject.as_deref() == about.subject())
    }

    /// A live stream as it is now, if it is there.
    pub(super) fn get(&self, id: ConnectionId) -> Option<Connection> {
        let key = self.roll.find(id)?;
        Some(self.connection(key, SystemTime::now()))
    }

    fn connection(&self, key: Key, now: SystemTime) -> Connection {
        let subscriber = &self.subscribers[key.0 as usize];
        let at = |ticks: u32| now - Sweep::duration(self.sweep.ticks() - ticks);
        Connection {
            id: subscriber.card.id,
            tenant: self.tenant(key).clone(),
            about: subscriber.card.about.clone(),
            filter: self.filter(key).clone(),
            since: at(subscriber.card.since),
            expires_at: subscriber.expires_at,
            delivered: subscriber.delivered,
            dropped: subscriber.card.dropped,
            held: subscriber.held(),
            queued: subscriber.queued(),
            queue_size: self.tenant_limits(key).queue_size.get(),
            bytes: subscriber.bytes,
            last_write: at(subscriber.last_write),
            slow_since: subscriber.ring.as_ref().map(|ring| at(ring.since())),
        }
    }

    /// Ends the streams of one slice of the registry that `ending` selects. Returns whether there are more to look at.
    pub(super) fn end_some(&mut self, ending: &mut Ending) -> bool {
        let roll = self.roll.after(ending.select.after);
        let slice: Vec<(ConnectionId, Key)> = roll
            .take_while(|(id, _)| *id <= ending.newest)
            .take(SLICE)
            .collect();
        for &(id, key) in &slice {
            ending.select.after = Some(id);
            // To end one may end another, who could not take a notice.
            if self.roll.find(id).is_some() && self.is_selected(key, &ending.select) {
                self.end(key, &ending.end);
                ending.ended += 1;
            }
        }
        slice.len() == SLICE
    }
}

/// An order to end streams, and how far it is done.
pub(super) struct Ending {
    select: Select,
    /// Streams that began later go on.
    newest: ConnectionId,
    end: End,
    pub(super) ended: u64,
}

impl Ending {
    /// Ends the streams that `whom` selects among those with numbers up to `newest`, for this `reason`.
    pub(super) fn new(whom: Whom, newest: ConnectionId, reason: String) -> Self {
        let (tenant, subject, only) = match whom {
            Whom::Connection(id) => (None, None, Some(id)),
            Whom::Subject(tenant, subject) => (Some(tenant), Some(subject), None),
            Whom::Tenant(tenant) => (Some(tenant), None, None),
        };
        Self {
            select: Select {
                tenant,
                subject,
                after: only.map(|id| ConnectionId::from(id.get().saturating_sub(1))),
                ..Select::default()
            },
            newest: only.unwrap_or(newest),
            end: End::Administrator(reason),
            ended: 0,
        }
    }
}

impl Sweep {
    fn duration(ticks: u32) -> Duration {
        Self::STEP * ticks
    }
}
