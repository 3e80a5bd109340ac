//! How a shard's live streams are looked at and ended from elsewhere.
//!
//! Invariant: a question about many is answered in slices, of as many streams and names in their filters as one turn may
//! bear, so that no event waits for a listing. Only streams that are listed are copied.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::SystemTime;

use super::clock::Tenths;
use super::filter::Filter;
use super::registry::{Phase, Subscriber};
use super::state::State;
use crate::index::{ClientInfo, ConnectionId, Transport};
use floodway_protocol::ends::End;
use floodway_protocol::names::TenantId;

/// Streams that are looked at between two turns.
pub(super) const SLICE: usize = 256;

/// Names in filters that are copied between two turns: a filter may hold a thousand.
const NAMES: usize = 4096;

/// A live stream at the moment when the shard was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who it is.
    pub client: ClientInfo,
    /// What it wants.
    pub filter: Filter,
    /// When it became live.
    pub since: SystemTime,
    /// When its token expires, in seconds since 1970.
    pub expires_at: u64,
    /// What became of its events.
    pub counts: ConnectionCounts,
    /// Events that may wait for it.
    pub queue_size: usize,
    /// When something was last written to it, to a tenth of a second.
    pub last_write: SystemTime,
    /// Since when its socket has not taken everything, to a tenth of a second; none if it keeps up.
    pub slow_since: Option<SystemTime>,
}

/// What became of a stream's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Events handed to the kernel, whole.
    pub delivered: u64,
    /// Events that matched it and did not reach it.
    pub dropped: u64,
    /// Events that wait for it. All that matched it are delivered, dropped or held, but for those that came just now.
    pub held: u64,
    /// Those of them that fill its queue: all but an event that is partly sent.
    pub queued: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
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

/// Which streams an order to end is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One stream.
    Connection(ConnectionId),
    /// All streams of one of a tenant's subjects.
    Subject(TenantId, String),
    /// All streams of a tenant.
    Tenant(TenantId),
}

impl State {
    /// Looks at one slice of the live streams, adds those selected to `found`, and moves `select.after` on. Returns
    /// whether there are more to look at.
    pub(super) fn list(&self, select: &mut Select, found: &mut Vec<Connection>) -> bool {
        let wall = self.delivery.clock.wall();
        let (mut names, mut last) = (0, select.after);
        let mut slice = self.registry.live.after(select.after);
        for (id, key) in slice.by_ref().take(SLICE) {
            if found.len() >= select.limit {
                return false;
            }
            last = Some(id);
            let subscriber = &self.registry[key];
            if select.selects(subscriber)
                && let Some(connection) = self.connection(subscriber, wall)
            {
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
        let mut last = select.after;
        let mut slice = self.registry.live.after(select.after);
        for (id, key) in slice.by_ref().take(SLICE) {
            last = Some(id);
            let subscriber = &self.registry[key];
            if subscriber.held() > 0 && select.selects(subscriber) {
                slowest.insert((Reverse(subscriber.held()), id));
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

    /// A live stream as it is now, if it is there.
    pub(super) fn get(&self, id: ConnectionId) -> Option<Connection> {
        let key = self.registry.live.find(id)?;
        self.connection(&self.registry[key], self.delivery.clock.wall())
    }

    fn connection(&self, subscriber: &Subscriber, wall: SystemTime) -> Option<Connection> {
        let Phase::Live { permit, position, expires_at } = &subscriber.phase else {
            return None;
        };
        let at = |then: Tenths| self.delivery.clock.wall_at(then, wall);
        let (info, output) = (&subscriber.info, &subscriber.output);
        Some(Connection {
            id: info.id,
            tenant: permit.tenant().id().clone(),
            client: info.client.clone(),
            filter: self.matcher.filter(position.cohort).clone(),
            since: at(info.since),
            expires_at: *expires_at,
            counts: ConnectionCounts {
                delivered: output.events,
                dropped: info.dropped,
                held: subscriber.held(),
                queued: subscriber.queued(),
                bytes: output.bytes,
            },
            queue_size: permit.tenant().limits().queue_size.get(),
            last_write: at(output.last_write),
            slow_since: subscriber.ring.as_ref().map(|ring| at(ring.since())),
        })
    }

    /// Ends those of one slice of the live streams that `ending` is for. Returns whether there are more to look at.
    pub(super) fn end_some(&mut self, ending: &mut Ending) -> bool {
        let live = self.registry.live.after(ending.select.after);
        let slice: Vec<_> = live.take_while(|(id, _)| *id <= ending.newest).take(SLICE).collect();
        for &(id, key) in &slice {
            ending.select.after = Some(id);
            if ending.select.selects(&self.registry[key]) {
                self.end(key, &ending.end);
                ending.ended += 1;
            }
        }
        slice.len() == SLICE
    }
}

impl Select {
    fn selects(&self, subscriber: &Subscriber) -> bool {
        let client = &subscriber.info.client;
        let is_of = |tenant: &TenantId| {
            let permit = subscriber.permit();
            permit.is_some_and(|permit| permit.tenant().id() == tenant)
        };
        self.tenant.as_ref().is_none_or(is_of)
            && (self.transports.is_empty() || self.transports.contains(&client.transport))
            && (self.subject.is_none() || self.subject.as_deref() == client.subject())
    }
}

/// An order to end streams, as far as it is carried out.
pub(super) struct Ending {
    select: Select,
    /// Streams that came later stay.
    newest: ConnectionId,
    end: End,
    pub(super) ended: u64,
}

impl Ending {
    /// Ends `scope`, of the streams with numbers up to `newest`, which are sent this `reason`.
    pub(super) fn new(scope: Scope, newest: ConnectionId, reason: String) -> Self {
        let (tenant, subject, only) = match scope {
            Scope::Connection(id) => (None, None, Some(id)),
            Scope::Subject(tenant, subject) => (Some(tenant), Some(subject), None),
            Scope::Tenant(tenant) => (Some(tenant), None, None),
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
