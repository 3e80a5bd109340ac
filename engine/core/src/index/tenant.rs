//! One tenant, as all threads see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam::utils::CachePadded;
use tokio::sync::watch;

use super::counters::{Count, OwnCounters, TenantCounterTable, TenantCounts};
use super::groups::Groups;
use super::handover::Handover;
use super::limits::{LimitBook, Limits};
use super::upstream::{Answer, Answers, OpenSources, SourceNumber, Upstream};
use super::wake_filter::WakeFilter;
use crate::event::Event;
use crate::history::{Entry, History, Mark, Position};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

/// The value of `permits` once the tenant has left the index: it gives no more.
const RETIRED: u64 = u64::MAX;

/// What a permit is for. Both kinds are counted in one word, so that one load shows whether there is any.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum PermitKind {
    /// A stream, which counts against the tenant's limit: in the lower half of the word.
    Stream = 1,
    /// An operator who looks on, which counts against no limit: in the upper half.
    Onlooker = 1 << 32,
}

/// A tenant that has subscribers, or had some a moment ago.
#[derive(Debug)]
pub struct Tenant {
    id: TenantId,
    handover: CachePadded<Handover>,
    history: History,
    wake_filter: WakeFilter,
    permits: CachePadded<AtomicU64>,
    upstream: Answers,
    /// Why the source refused the subscription last.
    refusal: ArcSwapOption<String>,
    groups: ArcSwap<Groups>,
    /// Shards cache them beside their subscribers, so that no delivery looks them up.
    limits: Arc<ArcSwap<Limits>>,
    counters: TenantCounterTable,
    /// Written by ingest alone.
    events: Count,
}

/// Why a tenant gives no permit.
pub(super) enum Refused {
    /// It has as many streams as it may.
    Full,
    /// It has left the index.
    Retired,
}

impl Tenant {
    pub(super) fn new(id: TenantId, limits: Limits, history: History, open: Arc<OpenSources>) -> Self {
        Self {
            id,
            handover: CachePadded::new(Handover::new(history.view().floor())),
            history,
            wake_filter: WakeFilter::default(),
            permits: CachePadded::new(AtomicU64::new(0)),
            upstream: Answers::new(open),
            refusal: ArcSwapOption::empty(),
            groups: ArcSwap::default(),
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            counters: TenantCounterTable::default(),
            events: Count::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// For ingest: stores `event`, which is accepted. Returns its position, and the shards to push it to, a bit each.
    pub fn append(&self, event: &Arc<Event>) -> (Position, u64) {
        self.events.add(1);
        self.store(Entry::Event(Arc::clone(event)))
    }

    /// For ingest: stores that something happened to the source. A gap has an id of its own, so that a stream may resume
    /// behind it. Returns as [`Tenant::append`].
    pub fn append_mark(&self, gap: Option<EventId>, at: Instant) -> (Position, u64) {
        let id = gap.unwrap_or_else(|| self.history.newest_id());
        self.store(Entry::Mark(Box::new(Mark { id, at, is_gap: gap.is_some() })))
    }

    #[inline]
    fn store(&self, entry: Entry) -> (Position, u64) {
        let position = self.handover.newest() + 1;
        self.history.append(position, entry);
        (position, self.handover.appended(position))
    }

    /// Its newest events.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// For ingest: its events come from now on, all of them with larger ids than `id`.
    pub fn begin_history(&self, id: EventId) {
        self.history.begin(id);
    }

    /// For ingest, from time to time: evicts events that are too old.
    pub fn evict(&self, now: Instant) {
        self.history.evict(self.handover.newest(), now);
    }

    /// For ingest: nothing that is kept is of use any more, and what comes has smaller ids.
    pub fn forget_history(&self) {
        self.history.forget(self.handover.newest());
    }

    /// For ingest: gives memory back. Returns how many bytes.
    pub(super) fn shrink_history(&self) -> u64 {
        self.history.shrink(self.handover.newest(), !self.is_empty())
    }

    /// The position of its newest entry. A reader on another thread finds it stored.
    pub fn newest(&self) -> Position {
        self.handover.published()
    }

    /// Whether neither events nor last values are kept of it.
    pub fn is_forgotten(&self) -> bool {
        self.history.is_empty(self.newest())
    }

    /// Events that are kept of it, and their memory in bytes.
    pub fn held(&self) -> (u64, u64) {
        self.history.held(self.newest())
    }

    /// The shards that have subscribers of this tenant, a bit each.
    pub fn interest(&self) -> u64 {
        self.handover.interest()
    }

    /// Which of these shards are woken, for which devices.
    pub fn wake_filter(&self) -> &WakeFilter {
        &self.wake_filter
    }

    /// For a shard: every entry after the returned position is pushed to it from now on.
    pub fn declare(&self, shard: usize) -> Position {
        self.handover.declare(shard)
    }

    /// For a shard: no further event is pushed to it.
    pub fn withdraw(&self, shard: usize) {
        self.handover.withdraw(shard);
    }

    /// Live streams of this tenant that count against its limit, those in their handshake included.
    pub fn connections(&self) -> u32 {
        match self.permits.load(Ordering::Relaxed) {
            RETIRED => 0,
            taken => streams(taken),
        }
    }

    /// Whether it has no stream and no onlooker, so that its events are not needed.
    pub fn is_empty(&self) -> bool {
        matches!(self.permits.load(Ordering::Relaxed), 0 | RETIRED)
    }

    /// Whether the source sends its events, to be watched.
    pub fn upstream(&self) -> watch::Receiver<Upstream> {
        self.upstream.state().subscribe()
    }

    /// For ingest: what this source says of it.
    pub fn set_answer(&self, source: SourceNumber, answer: Answer) {
        self.upstream.set(source, answer);
    }

    /// For ingest: this source refuses the subscription, for this reason.
    pub fn set_refused(&self, source: SourceNumber, reason: &str) {
        self.refusal.store(Some(Arc::new(reason.to_owned())));
        self.set_answer(source, Answer::Refused);
    }

    /// For ingest: a source has come or gone.
    pub(super) fn renew_upstream(&self) {
        self.upstream.renew();
    }

    /// Why the source refuses the subscription, if it does.
    pub fn refusal(&self) -> Option<Arc<String>> {
        let is_refused = *self.upstream.state().borrow() == Upstream::Refused;
        is_refused.then(|| self.refusal.load_full()).flatten()
    }

    /// Its groups now.
    pub fn groups(&self) -> arc_swap::Guard<Arc<Groups>> {
        self.groups.load()
    }

    /// Replaces its groups; the next event is matched against the new ones.
    pub fn set_groups(&self, groups: Arc<Groups>) {
        self.groups.store(groups);
    }

    /// Its limits now.
    pub fn limits(&self) -> Limits {
        **self.limits.load()
    }

    /// Its limits, to be cached.
    pub fn watch_limits(&self) -> Arc<ArcSwap<Limits>> {
        Arc::clone(&self.limits)
    }

    /// Takes its limits from `book`. The book is read again if another thread changed the limits meanwhile, so that the
    /// newest book wins, whichever thread is last.
    pub(super) fn renew_limits(&self, book: &ArcSwap<LimitBook>) {
        self.limits.rcu(|_| book.load().of(Some(&self.id)));
    }

    /// What `shard` counts for this tenant; for that shard only.
    pub fn counters(&self, shard: usize) -> OwnCounters {
        self.counters.of(shard)
    }

    /// What its streams have received since it came into the index.
    pub fn counts(&self) -> TenantCounts {
        self.counters.sum()
    }

    /// Events of its devices since it came into the index.
    pub fn events(&self) -> u64 {
        self.events.get()
    }

    /// Takes a permit if fewer than `limit` streams have one (0: no limit); an onlooker's whatever the limit. One
    /// compare-and-swap decides, so the limit is exact however many streams connect at once. Relaxed: the count guards
    /// nothing but itself.
    pub(super) fn acquire(&self, kind: PermitKind, limit: u32) -> Result<(), Refused> {
        let full_at = match (kind, limit) {
            (PermitKind::Onlooker, _) | (_, 0) => u32::MAX,
            (PermitKind::Stream, limit) => limit,
        };
        let taken = self.permits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken != RETIRED && streams(taken) < full_at).then(|| taken + kind as u64)
        });
        match taken {
            Ok(_) => Ok(()),
            Err(RETIRED) => Err(Refused::Retired),
            Err(_) => Err(Refused::Full),
        }
    }

    pub(super) fn release(&self, kind: PermitKind) {
        self.permits.fetch_sub(kind as u64, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.permits.load(Ordering::Relaxed) == RETIRED
    }

    /// Closes an empty tenant for good. False if it has a permit out.
    pub(super) fn retire(&self) -> bool {
        self.permits.compare_exchange(0, RETIRED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn streams(permits: u64) -> u32 {
    (permits % PermitKind::Onlooker as u64) as u32
}
