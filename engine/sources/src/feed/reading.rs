//! Reads older events of a numbered feed for streams that come back.
//!
//! Invariants: one tenant is read by one reader at a time, and what was read serves all streams that ask for a part of it:
//! a thousand that come back at once are one reading; readings go on page by page beside what comes live, so they hold up
//! nobody; what they hold together is bounded, and what does not fit is reported as lost, by its number.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hashbrown::HashMap;

use super::{FeedError, FeedReader, Page};
use crate::router::{Router, Topics};
use crate::source::ReadBack;
use floodway_core::event::Event;
use floodway_core::history::Located;
use floodway_core::index::Tenant;
use floodway_core::shard::{Backlog, GivenBack};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

/// Messages of one page: what is parsed before live events have their turn again.
const PAGE: usize = 500;

/// Tenants that are read at the same time.
const AT_ONCE: usize = 8;

/// How long what was read is kept for others who come back at the same time.
const SHARED: Duration = Duration::from_secs(5);

/// Bounds of what is read back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Events of one tenant.
    pub(super) events: usize,
    /// Memory of what was read and is still to be sent, of all tenants.
    pub(super) bytes: usize,
    /// The time that one reading may take.
    pub(super) time: Duration,
}

type Read = (TenantId, Result<Page, FeedError>);

/// The readings that are under way, and what came of the last ones.
pub(super) struct Reading<R> {
    reader: R,
    bounds: Bounds,
    held: Arc<AtomicU64>,
    pages: FuturesUnordered<Pin<Box<dyn Future<Output = Read> + Send>>>,
    /// By tenant.
    running: HashMap<TenantId, Job>,
    /// Those whose tenant is being read, or that come when too many are.
    waiting: VecDeque<ReadBack>,
    recent: HashMap<TenantId, Done>,
}

/// One reading.
struct Job {
    tenant: Arc<Tenant>,
    after: u64,
    until: u64,
    /// Up to where it was read.
    at: u64,
    /// Behind this nothing is missing: larger than `after` if something is lost.
    kept_after: u64,
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    lost: Option<Option<u64>>,
    requests: Vec<ReadBack>,
    deadline: Instant,
}

/// What came of a reading.
struct Done {
    given: Arc<GivenBack>,
    asked: u64,
    after: u64,
    until: EventId,
    lost: Option<Option<u64>>,
    at: Instant,
}

impl<R: FeedReader> Reading<R> {
    pub(super) fn new(reader: R, bounds: Bounds) -> Self {
        Self {
            reader,
            bounds,
            held: Arc::default(),
            pages: FuturesUnordered::new(),
            running: HashMap::new(),
            waiting: VecDeque::new(),
            recent: HashMap::new(),
        }
    }

    /// A stream comes back. It is answered when what it lacks was read.
    pub(super) fn request(&mut self, request: ReadBack) {
        let (id, after) = (request.tenant.id(), request.after.get());
        if let Some(done) = self.recent.get(id).filter(|done| done.serves(&request)) {
            return done.answer(request);
        }
        let may_begin = self.running.len() < AT_ONCE;
        match self.running.get_mut(id) {
            Some(job) if job.after <= after => job.requests.push(request),
            None if may_begin => self.begin(request),
            _ => self.waiting.push_back(request),
        }
    }

    fn begin(&mut self, request: ReadBack) {
        if self.held.load(Ordering::Relaxed) > self.bounds.bytes as u64 {
            tracing::warn!(
                tenant = %request.tenant.id(),
                setting = "replay.read_back_bytes",
                "too much is being read back: a stream that comes back gets only what is in memory"
            );
            return drop(request);
        }
        let tenant = Arc::clone(&request.tenant);
        let (after, until) = (request.after.get(), tenant.history().middle(tenant.newest()).get());
        let job = Job {
            after,
            until,
            at: after,
            kept_after: after,
            events: VecDeque::new(),
            bytes: 0,
            lost: None,
            requests: vec![request],
            deadline: Instant::now() + self.bounds.time,
            tenant,
        };
        self.read_on(job);
    }

    fn read_on(&mut self, job: Job) {
        let (id, reader) = (job.tenant.id().clone(), self.reader.clone());
        let (after, until) = (job.at, job.until);
        self.running.insert(id.clone(), job);
        self.pages.push(Box::pin(async move {
            let page = reader.read(&id, after, until, PAGE).await;
            (id, page)
        }));
    }

    /// Waits for the next page, for ever if none is asked for. May be cancelled.
    pub(super) async fn next(&mut self) -> Read {
        match self.pages.next().await {
            Some(read) => read,
            None => std::future::pending().await,
        }
    }

    /// A page has come: its messages become events.
    pub(super) fn take(&mut self, (id, page): Read, topics: &Topics, router: &mut Router) {
        let Some(mut job) = self.running.remove(&id) else {
            return;
        };
        match page {
            Ok(page) => {
                let is_last = page.is_last || page.messages.is_empty();
                job.take(page, self.bounds, topics, router);
                if is_last {
                    self.done(job);
                } else if Instant::now() < job.deadline {
                    self.read_on(job);
                } else {
                    tracing::warn!(tenant = %id, setting = "replay.read_back_seconds", "reading back takes too long");
                }
            }
            // Its requests are answered by their drop.
            Err(error) => tracing::warn!(tenant = %id, %error, "older events can't be read back"),
        }
        for request in std::mem::take(&mut self.waiting) {
            self.request(request);
        }
    }

    fn done(&mut self, job: Job) {
        let Job { tenant, after, until, kept_after, events, lost, requests, .. } = job;
        let done = Done {
            given: Arc::new(GivenBack::new(events.into(), &self.held)),
            asked: after,
            after: kept_after,
            until: EventId::new(until),
            lost,
            at: Instant::now(),
        };
        requests.into_iter().for_each(|request| done.answer(request));
        self.recent.insert(tenant.id().clone(), done);
    }

    /// To be called about once a second.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.recent.retain(|_, done| now < done.at + SHARED);
    }
}

impl Job {
    fn take(&mut self, page: Page, bounds: Bounds, topics: &Topics, router: &mut Router) {
        if page.kept_from > self.kept_after + 1 {
            // Whose it was that is gone, the feed does not tell.
            (self.kept_after, self.lost) = (page.kept_from - 1, Some(None));
        }
        for message in page.messages {
            self.at = message.number;
            let mut topic = String::new();
            let Some(raw) = message.raw(topics, &mut topic) else {
                continue;
            };
            for event in router.given_back(&self.tenant, &raw, message.number) {
                self.bytes += event.memory();
                self.events.push_back(event);
            }
        }
        while self.events.len() > bounds.events || self.bytes > bounds.bytes {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.memory();
            self.kept_after = oldest.id().get();
            self.lost = match self.lost {
                None => Some(Some(1)),
                Some(known) => Some(known.map(|known| known + 1)),
            };
        }
    }
}

impl Done {
    /// Whether it holds all that this stream lacks, or all that there is.
    fn serves(&self, request: &ReadBack) -> bool {
        let located = request.tenant.history().locate(Some(self.until), Instant::now());
        self.asked <= request.after.get() && matches!(located, Located::Behind(_))
    }

    fn answer(&self, request: ReadBack) {
        let after = request.after.get();
        let backlog = Backlog {
            given: Arc::clone(&self.given),
            after: EventId::new(after.max(self.after)),
            until: self.until,
            // Exact only for the one from which it was counted.
            lost: self.lost.filter(|_| after < self.after).map(|lost| lost.filter(|_| after == self.asked)),
        };
        // The stream may be gone.
        let _ = request.answer.send(Some(backlog));
    }
}
