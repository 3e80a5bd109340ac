//! A shard's state: who is there, what they want, what is under way.
//!
//! Invariant: one that has a ring waits for its outlet, or is in the queue of those to be looked at again. Only the
//! shard's thread ever touches any of this.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use mio::{Registry, Token};
use slab::Slab;

use super::agents::Agents;
use super::config::Config;
use super::delays::Written;
use super::distribute::Tick;
use super::drain::Draining;
use super::filter::Filter;
use super::metrics::Metrics;
use super::outgoing::SubscriptionKey;
use super::registry::SubscriberRegistry;
use super::session::{RefreshTokens, Sessions};
use super::subscriber::{CohortPosition, Key, Phase, Subscriber};
use super::sweep::Sweep;
use super::table::Table;
use super::uring::Uring;
use super::waker::WakeQueue;
use crate::event::{EventId, View};
use crate::index::{ConnectionPermit, Limit, Limits};
use floodway_protocol::names::TenantId;

pub(super) struct State {
    pub(super) id: usize,
    pub(super) config: Config,
    pub(super) subscribers: Slab<Subscriber>,
    pub(super) roll: SubscriberRegistry,
    pub(super) agents: Agents,
    pub(super) tables: Slab<Table>,
    pub(super) by_tenant: HashMap<TenantId, u32>,
    pub(super) tick: Tick,
    /// Those whose batch goes out by the next call of io_uring, where that is used.
    pub(super) queued: Vec<Key>,
    pub(super) uring: Option<Uring>,
    /// The newest event that was matched: whoever changes its filter now gets what is newer.
    pub(super) matched: EventId,
    /// Those who have more to write or to read than one turn may take.
    pub(super) again: VecDeque<Token>,
    pub(super) sweep: Sweep,
    pub(super) metrics: Arc<Metrics>,
    /// Deliveries of which `metrics` does not know yet how long they took.
    pub(super) written: Written,
    pub(super) wake_queue: Rc<WakeQueue>,
    pub(super) draining: Option<Draining>,
    pub(super) sessions: Sessions,
    pub(super) registry: Registry,
    pub(super) generation: u32,
}

impl State {
    pub(super) fn new(
        id: usize,
        config: Config,
        registry: Registry,
        wake_queue: Rc<WakeQueue>,
        metrics: Arc<Metrics>,
        uring: Option<Uring>,
        tokens: Arc<dyn RefreshTokens>,
    ) -> Self {
        Self {
            id,
            config,
            subscribers: Slab::new(),
            roll: SubscriberRegistry::new(id),
            agents: Agents::default(),
            tables: Slab::new(),
            by_tenant: HashMap::new(),
            tick: Tick::default(),
            queued: Vec::new(),
            uring,
            matched: EventId::new(0),
            again: VecDeque::new(),
            sweep: Sweep::new(Instant::now()),
            metrics,
            written: Written::default(),
            wake_queue,
            draining: None,
            sessions: Sessions::new(tokens),
            registry,
            generation: 0,
        }
    }

    pub(super) fn filter(&self, key: Key) -> &Filter {
        let seat = self.seat(key);
        &self.tables[seat.table as usize].cohorts[seat.cohort as usize]
            .spec
            .filter
    }

    /// What a subscriber may use now; none if it leaves.
    pub(super) fn limits(&mut self, key: Key) -> Option<Limits> {
        let seat = self.subscribers.get(key.0 as usize)?.seat()?;
        Some(self.tables[seat.table as usize].limits())
    }

    /// As [`State::limits`], for a look from elsewhere.
    pub(super) fn tenant_limits(&self, key: Key) -> Limits {
        self.tables[self.seat(key).table as usize].tenant.limits()
    }

    pub(super) fn tenant(&self, key: Key) -> &TenantId {
        self.tables[self.seat(key).table as usize].tenant.id()
    }

    fn seat(&self, key: Key) -> CohortPosition {
        self.subscribers[key.0 as usize]
            .seat()
            .expect("only a live stream's session asks")
    }

    /// Gives a subscriber another filter: events matched so far are sent as it wanted them, later ones as it wants.
    pub(super) fn refilter(&mut self, key: Key, filter: Filter) {
        self.settle(key);
        if !self.is_live(key) {
            // What it was still owed has ended it.
            return;
        }
        let subscriber = &mut self.subscribers[key.0 as usize];
        subscriber.from = subscriber.from.max(self.matched);
        subscriber.whole_from = self.tick.next_whole();
        if *self.filter(key) == filter {
            return;
        }
        let CohortPosition {
            table,
            cohort,
            seat,
        } = self.seat(key);
        let encoding = self.subscribers[key.0 as usize].encoding;
        // The new seat is taken before the old one is left, so that the tenant's table lives on.
        let (new_cohort, new_seat) = self.tables[table as usize].join(key, spec(filter, encoding));
        self.leave_cohort(table, cohort, seat);
        if let Phase::Live { seat, .. } = &mut self.subscribers[key.0 as usize].phase {
            *seat = CohortPosition {
                table,
                cohort: new_cohort,
                seat: new_seat,
            };
        }
    }

    pub(super) fn set_expiry(&mut self, key: Key, expires_at: u64) {
        self.subscribers[key.0 as usize].expires_at = expires_at;
    }

    pub(super) fn count_messages(&mut self, key: Key, count: usize) {
        let subscriber = &mut self.subscribers[key.0 as usize];
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        subscriber.credit = subscriber.credit.saturating_sub(count);
        if subscriber.credit == 0 && !std::mem::replace(&mut subscriber.paused, true) {
            subscriber.note_limit(Limit::ClientMessages);
        }
    }

    pub(super) fn leave_cohort(&mut self, table: u32, cohort: u32, seat: u32) {
        let subscribers = &mut self.subscribers;
        self.tables[table as usize].leave(cohort, seat, |(moved, to)| {
            if let Phase::Live { seat, .. } = &mut subscribers[moved.0 as usize].phase {
                seat.seat = to;
            }
        });
        self.close_table_if_empty(table);
    }

    /// Lets go of a tenant with no subscribers here, unless a batch of its cohorts is still to be flushed.
    pub(super) fn close_table_if_empty(&mut self, table: u32) {
        let found = &self.tables[table as usize];
        if found.is_empty() && found.cohorts.is_empty() {
            let table = self.tables.remove(table as usize);
            table.tenant.withdraw(self.id);
            self.by_tenant.remove(table.tenant.id());
        }
    }

    /// The subscriber that a token stands for, unless it has left.
    pub(super) fn find(&self, token: Token) -> Option<Key> {
        let key = Key(u32::try_from(token.0 & 0xffff_ffff).expect("32 bits"));
        let generation = token.0 >> 32;
        let subscriber = self.subscribers.get(key.0 as usize)?;
        (subscriber.generation as usize == generation).then_some(key)
    }

    pub(super) fn token(&self, key: Key) -> Token {
        token(key, self.subscribers[key.0 as usize].generation)
    }
}

/// A subscriber's key and its generation in one number, so that readiness reported for one that has left is not taken
/// for its successor's.
pub(super) fn token(key: Key, generation: u32) -> Token {
    Token(key.0 as usize | (generation as usize) << 32)
}

fn spec(filter: Filter, encoding: crate::event::Encoding) -> SubscriptionKey {
    let view = View {
        metrics: filter.metrics().cloned(),
        encoding,
    };
    SubscriptionKey { filter, view }
}

pub(super) fn take_position(
    shard: usize,
    tables: &mut Slab<Table>,
    by_tenant: &mut HashMap<TenantId, u32>,
    key: Key,
    place: &ConnectionPermit,
    filter: Filter,
    encoding: crate::event::Encoding,
) -> CohortPosition {
    let tenant = place.tenant();
    let table = *by_tenant.entry_ref(tenant.id()).or_insert_with(|| {
        u32::try_from(tables.insert(Table::new(Arc::clone(tenant), shard)))
            .expect("fewer tenants than descriptors")
    });
    let found = &mut tables[table as usize];
    found.follow(tenant, shard);
    let (cohort, seat) = found.join(key, spec(filter, encoding));
    CohortPosition {
        table,
        cohort,
        seat,
    }
}
