//! Drives one link of a feed after the other.
//!
//! Invariants: messages are taken in in the order of the feed, each number once; a tenant is confirmed while the feed is
//! connected, since it brings everybody's events anyway; where the feed is numbered, a link goes on behind the last message
//! that was taken in, and nobody is owed a gap unless the feed itself has lost something.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::reading::{Bounds, Reading};
use super::tenants::Tenants;
use super::{Feed, FeedError, FeedLink, FeedMessage, Opened, Whose};
use crate::router::{LOG_TOPIC_CHARS, Reason, Topics};
use crate::source::{Port, Source, Terms};
use floodway_core::history;
use floodway_core::index::{Index, SourceNumber, Tenant};
use floodway_core::printable::printable;

/// The pause between two looks at the index.
const SWEEP: Duration = Duration::from_secs(1);

/// How long a new stream waits for its tenant: while the feed is connected it is confirmed at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// A link that lasted as long as this ends a row of failures.
const LASTING: Duration = Duration::from_secs(10);

/// A feed as a source of the gateway.
pub(crate) struct FeedSource<F> {
    feed: F,
    tenants: Tenants,
    topics: Arc<Topics>,
    /// The number of the last message that was taken in; none before the first link, or in a feed without numbers.
    reached: Option<u64>,
    bounds: Bounds,
}

impl<F: Feed> FeedSource<F> {
    /// The tenants of `index` are served from `feed`, which is the source of this number, each for as long after its last
    /// stream as `history` says. What topics there are, and which one a device without any gets, say `topics`.
    pub(crate) fn new(
        feed: F,
        index: Arc<Index>,
        source: SourceNumber,
        history: &history::Config,
        topics: Arc<Topics>,
    ) -> Self {
        let bounds = Bounds {
            events: history.read_back_events.get(),
            bytes: history.read_back_bytes,
            time: history.read_back_time,
        };
        Self {
            feed,
            tenants: Tenants::new(index, source, history.age),
            topics,
            reached: None,
            bounds,
        }
    }
}

impl<F: Feed> Source for FeedSource<F> {
    fn terms(&self) -> Terms {
        Terms {
            kind: self.feed.kind(),
            endpoints: self.feed.endpoints(),
            patience: PATIENCE,
            refuses_all: false,
            brings_all: false,
            is_numbered: self.feed.is_numbered(),
            has_usual_payloads: self.feed.has_usual_payloads(),
            backoff_max: self.feed.backoff_max(),
        }
    }

    fn run<'a>(&'a mut self, port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let Self { feed, tenants, topics, reached, bounds } = self;
        let endpoints = feed.endpoints();
        Box::pin(Driver { feed, endpoints, tenants, topics, reached, bounds: *bounds, port }.run())
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        self.tenants.lost()
    }
}

/// Everything that outlives a link.
struct Driver<'a, F> {
    feed: &'a mut F,
    endpoints: Vec<String>,
    tenants: &'a mut Tenants,
    topics: &'a Topics,
    reached: &'a mut Option<u64>,
    bounds: Bounds,
    port: Port<'a>,
}

impl<F: Feed> Driver<'_, F> {
    /// Connects, serves and connects again, to each endpoint in turn, until it is to stop.
    async fn run(mut self) {
        let mut stop = self.port.stop.clone();
        if !self.feed.takes_wild_names() {
            self.port.status.refuse_wild_names();
        }
        for number in (0..self.endpoints.len()).cycle() {
            let after = self.reached.filter(|_| self.feed.is_numbered());
            let opened = tokio::select! {
                opened = self.feed.open(number, after) => opened,
                _ = stop.wait_for(|&stop| stop) => return,
            };
            let (kind, endpoint) = (self.feed.kind(), self.endpoints[number].clone());
            match opened {
                Err(error) => {
                    tracing::warn!(kind, endpoint, %error, "source not reached");
                    self.port.status.attempt_failed(&endpoint, error.result, &error);
                }
                Ok(opened) => match self.serve(opened, &endpoint).await {
                    Err(error) => tracing::warn!(kind, endpoint, %error, "source lost"),
                    Ok(()) => return,
                },
            }
            self.tenants.sweep(Instant::now());
            tokio::select! {
                () = sleep(self.port.backoff.pause()) => {}
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    /// Serves one link from its beginning to its end, which is an error unless it was to stop.
    async fn serve(&mut self, opened: Opened<F::Link>, endpoint: &String) -> Result<(), FeedError> {
        let Opened { mut link, behind, has_lost } = opened;
        let since = Instant::now();
        tracing::info!(kind = self.feed.kind(), endpoint, behind, has_lost, "source connected");
        self.port.status.connected(endpoint);
        if let Some(control) = &self.port.control {
            control.settled().await;
        }
        self.begin(behind, has_lost);
        self.port.status.opened();
        let ended = self.handle_all(&mut link).await;
        // First the status: who sees its tenant wait again must not go on to wait for a source that is gone.
        match &ended {
            Err(error) => self.port.status.lost(endpoint, error),
            Ok(()) => self.port.status.closed(),
        }
        let lost = self.tenants.lost();
        if ended.is_err() {
            self.port.lost(&lost).await;
        }
        if since.elapsed() >= LASTING {
            self.port.backoff.reset();
        }
        ended
    }

    /// What comes on this link is behind this number.
    fn begin(&mut self, behind: u64, has_lost: bool) {
        let is_earlier = self.reached.is_some_and(|reached| behind < reached);
        if has_lost {
            if is_earlier {
                // The numbers begin anew: what is kept has larger ones than what comes.
                self.tenants.forget_histories();
            }
        } else {
            self.tenants.nothing_missed();
        }
        self.reach(behind);
    }

    fn reach(&mut self, number: u64) {
        if self.feed.is_numbered() {
            *self.reached = Some(number);
            self.port.router.reached(number);
        }
    }

    async fn handle_all(&mut self, link: &mut F::Link) -> Result<(), FeedError> {
        let mut stop = self.port.stop.clone();
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reading = Reading::new(link.reader(), self.bounds);
        self.tenants.open();
        loop {
            while let Some(confirmation) = self.tenants.confirmed.pop_front() {
                self.port.confirm(confirmation).await;
            }
            self.port.router.wake_shards();
            tokio::select! {
                messages = link.next() => {
                    let messages = messages?;
                    self.port.status.pulse.beat(Instant::now());
                    self.take_in(messages).await;
                }
                Some(tenant) = self.port.wanted.recv() => self.tenants.want(&tenant),
                Some(request) = self.port.read_backs.recv() => reading.request(request),
                page = reading.next() => reading.take(page, self.topics, &mut self.port.router),
                _ = sweep.tick() => {
                    let now = Instant::now();
                    self.port.status.pulse.beat(now);
                    self.tenants.sweep(now);
                    reading.sweep(now);
                }
                _ = stop.wait_for(|&stop| stop) => return Ok(()),
            }
        }
    }

    async fn take_in(&mut self, messages: Vec<FeedMessage>) {
        self.port.router.received_at(Instant::now());
        for message in messages {
            let number = &message.number;
            let mut topic = String::new();
            let Some(raw) = message.raw(self.topics, &mut topic) else {
                self.pass_over(&message);
                continue;
            };
            if self.feed.is_numbered() && self.reached.is_some_and(|reached| *number <= reached) {
                // It came on the link before.
                continue;
            }
            self.port.router.publish_numbered(&raw, *number).await;
            if self.feed.is_numbered() {
                *self.reached = Some(*number);
            }
        }
        if let Some(reached) = *self.reached {
            // After its events are stored: who waits for a number finds them.
            self.port.router.reached(reached);
        }
    }

    /// Counts what is nobody's message.
    #[cold]
    fn pass_over(&mut self, message: &FeedMessage) {
        if let Whose::Nobody(why) = message.whose
            && let Some(suppressed) = self.port.router.skipped(Reason::NoMessage)
        {
            tracing::warn!(
                reason = Reason::NoMessage.label(),
                kind = self.feed.kind(),
                said = printable(&message.payload, LOG_TOPIC_CHARS),
                suppressed,
                "message rejected: {why}"
            );
        }
    }
}
