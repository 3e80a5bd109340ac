//! How a shard's live streams are looked at and ended from elsewhere.
//!
//! Invariant: a question about many is answered in slices, of as many streams and names in their filters as one turn may
//! bear, so that no event waits for a listing. Only streams that are listed are copied.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::SystemTime;

use super::clock::Tenths;
use super::filter::Filter;
use super::registry::{Live, Subscriber};
use super::state::State;
use crate::index::{ClientInfo, ConnectionId, Transport};
use floodway_protocol::End;
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
    /// Events that wait for it. All that matched it are delivered, dropped, held or conflated, but for those that came just now.
    pub held: u64,
    /// Events in whose place newer ones of the device were sent, as its client asked for.
    pub conflated: u64,
    /// Gaps of its own that it was sent, at most [`u16::MAX`]: all but those of the source, which are its tenant's.
    pub gaps: u16,
    /// Those of them that fill its queue: all but an event that is partly sent.
    pub queued: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
}

/// Which streams are listed, and in which order, or ended.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only the one with this number.
    pub id: Option<ConnectionId>,
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

/// An order to end streams, as far as it is carried out.
pub(super) struct Ending {
    pub(super) select: Select,
    /// Streams that came later stay.
    pub(super) newest: ConnectionId,
    pub(super) end: End,
    pub(super) ended: u64,
}

impl State {
    /// Looks at one slice of the live streams, adds those selected to `found`, and moves `select.after` on. Returns
    /// whether there may be more to look at.
    pub(super) fn list(&self, select: &mut Select, found: &mut Vec<Connection>) -> bool {
        let (wall, limit, mut names) = (self.delivery.clock.wall(), select.limit, 0);
        let has_more = self.look_at_some(select, |subscriber| {
            let connection = self.connection(subscriber, wall);
            names += connection.as_ref().map_or(0, |connection| connection.filter.names());
            found.extend(connection);
            found.len() < limit && names <= NAMES
        });
        has_more && found.len() < limit
    }

    /// As [`State::list`], for the slowest: keeps `select.limit` of them in `slowest`, and copies none.
    pub(super) fn rank(&self, select: &mut Select, slowest: &mut Slowest) -> bool {
        let limit = select.limit;
        self.look_at_some(select, |subscriber| {
            if subscriber.held() > 0 {
                slowest.insert((Reverse(subscriber.held()), subscriber.info.id));
            }
            if slowest.len() > limit {
                slowest.pop_last();
            }
            true
        })
    }

    /// Calls `each` for those of one slice of the live streams that are selected, until it returns false, and moves
    /// `select.after` on. Returns whether there may be more.
    fn look_at_some(&self, select: &mut Select, mut each: impl FnMut(&Subscriber) -> bool) -> bool {
        let mut looked_at = 0;
        for (id, key) in self.registry.live.after(select.after).take(SLICE) {
            let subscriber = &self.registry[key];
            select.after = Some(id);
            looked_at += 1;
            if select.selects(subscriber) && !each(subscriber) {
                return true;
            }
        }
        looked_at == SLICE
    }

    /// A live stream as it is now, if it is there.
    pub(super) fn get(&self, id: ConnectionId) -> Option<Connection> {
        let key = self.registry.live.find(id)?;
        self.connection(&self.registry[key], self.delivery.clock.wall())
    }

    fn connection(&self, subscriber: &Subscriber, wall: SystemTime) -> Option<Connection> {
        let Live { permit, position, expires_at } = subscriber.live()?;
        let at = |then: Tenths| self.delivery.clock.wall_at(then, wall);
        let (info, output) = (&subscriber.info, &subscriber.output);
        let (paced, conflated) = self.paced(subscriber);
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
                held: subscriber.held() + paced,
                conflated: info.conflated + conflated,
                gaps: output.gaps,
                queued: subscriber.queued(),
                bytes: output.bytes,
            },
            queue_size: permit.tenant().limits().queue_size.get(),
            last_write: at(output.last_write),
            slow_since: subscriber.ring.as_ref().map(|ring| at(ring.since())),
        })
    }

    /// How many of a subscriber's events wait for its pace, and how many of those that waited newer ones have replaced.
    fn paced(&self, subscriber: &Subscriber) -> (u64, u64) {
        let Some(Live { position, .. }) = subscriber.live() else {
            return (0, 0);
        };
        let cohort = self.matcher.cohort(position.cohort);
        let Some(paced) = &cohort.paced else {
            return (0, 0);
        };
        let under_way = if cohort.members.has_flushed(position.member) { &[] } else { &*cohort.batch };
        let under_way = self.delivery.tick.events_behind(subscriber.after, under_way);
        paced.share(cohort.members.key(position.member), subscriber.settled() + under_way)
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
        let is_of = |tenant: &TenantId| subscriber.live().is_some_and(|live| live.permit.tenant().id() == tenant);
        self.id.is_none_or(|id| subscriber.info.id == id)
            && self.tenant.as_ref().is_none_or(is_of)
            && (self.transports.is_empty() || self.transports.contains(&client.transport))
            && (self.subject.is_none() || self.subject.as_deref() == client.subject())
    }
}
