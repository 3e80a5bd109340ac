//! From a raw message to the shards that want its event. Knows no source.
//!
//! Invariant: each sample of a message, which mostly is one, becomes one event or is counted as rejected with one reason; an
//! event is appended to its tenant *before* the tenant's interest is read, and is then put once into the inbox of each
//! interested shard. Nothing but the event is allocated, and nothing of the message is kept: its payload pins the read buffer.

mod metrics;
mod numbers;
mod template;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod topic;
mod topics;
mod usual;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

pub use metrics::{Metrics, Reason, Snapshot};
use numbers::Numbers;
pub(crate) use template::Level;
pub use template::{BadTemplate, Template};
use topic::Address;
pub use topic::RawMessage;
pub(crate) use topics::usual_template;
pub use topics::{BadTopics, Names, Topics};

use floodway_core::event::{self, Event, IdSource, Origin, Parser, Sample, Samples};
use floodway_core::history::Position;
use floodway_core::inbox::{Inbox, Item, SourceNotice};
use floodway_core::index::{Index, Tenant};
use floodway_core::printable::printable;
use floodway_protocol::EventId;
use floodway_protocol::messages::notice::SourceState;
use floodway_protocol::names::TenantId;

/// Messages that are taken before the shards that they concern are woken. One wake-up for each message would cost too
/// much; one after very many messages would hold up the first.
const GATHERED: u32 = 16;

/// Characters of a topic in the log.
pub(crate) const LOG_TOPIC_CHARS: usize = 200;

/// An event, its position in its tenant's history, its tenant, and the shards to push it to.
type Accepted = (Arc<Event>, Position, Arc<Tenant>, u64);

/// Takes messages in, one after the other.
pub struct Router {
    parser: Parser,
    /// Where the metrics of a payload stand, for the log.
    metrics_at: event::Path,
    pub(crate) ids: IdSource,
    /// Events of tenants are kept that nobody has asked for.
    pub(crate) keeps_all: bool,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
    /// Where the clock of the log rates begins.
    started: Instant,
    /// Shards that are owed a wake-up, a bit each.
    owed: u64,
    /// Messages since shards were woken.
    gathered: u32,
}

impl Router {
    /// A router into `inboxes`, one for each shard, that counts in `metrics`.
    pub fn new(config: &event::Config, index: Arc<Index>, inboxes: Arc<[Inbox]>, metrics: Arc<Metrics>) -> Self {
        Self {
            parser: Parser::new(config),
            metrics_at: config.metrics_at.clone(),
            ids: IdSource::default(),
            keeps_all: false,
            index,
            inboxes,
            metrics,
            started: Instant::now(),
            owed: 0,
            gathered: 0,
        }
    }

    /// The messages that follow were received `at` this time. One reading of the clock for all that came together.
    pub fn received_at(&mut self, at: Instant) {
        self.parser.received_at(at);
    }

    /// Takes one message in. Waits only while an inbox is full. The shards that it concerns need not be woken yet: see
    /// [`Router::wake_shards`].
    pub async fn publish(&mut self, message: &RawMessage<'_>) {
        self.take_in(message, None).await;
    }

    /// As [`Router::publish`], for a message of this number of its source.
    pub(crate) async fn publish_numbered(&mut self, message: &RawMessage<'_>, number: u64) {
        let number = self.index.histories().numbering().reached().map(|_| number);
        self.take_in(message, number).await;
    }

    /// Takes a message in, whose number is its event's id if it has one.
    async fn take_in(&mut self, message: &RawMessage<'_>, number: Option<u64>) {
        let (address, samples) = match self.read(message) {
            Ok(read) => read,
            Err(reason) => {
                self.metrics.received(1, message.payload.len());
                self.reject(reason, message.topic);
                return self.gather();
            }
        };
        self.metrics.received(samples.len(), message.payload.len());
        let numbers = number.map(|number| self.numbers(number, &samples, &address));
        for (at, sample) in samples.enumerate() {
            match self.accept(&address, sample, numbers.map(|numbers| numbers.of(at))) {
                Ok(Some((event, position, tenant, interested))) => {
                    self.put(interested, || Item::Event(Arc::clone(&event), position)).await;
                    self.owed |= interested & tenant.wake_filter().by(event.device());
                }
                Ok(None) => {}
                Err(reason) => self.reject(reason, message.topic),
            }
            self.gather();
        }
    }

    /// Those of the samples of the message of this number.
    fn numbers(&mut self, number: u64, samples: &Samples<'_>, address: &Address<'_>) -> Numbers {
        let of_many = samples.len() > 1;
        let events = if of_many {
            self.parser.count_to_last_event(samples, address.metric)
        } else {
            1
        };
        Numbers { number, events }
    }

    /// One more has come since shards were woken.
    fn gather(&mut self) {
        self.gathered += 1;
        if self.gathered >= GATHERED {
            self.wake_shards();
        }
    }

    /// For a source whose numbers are ids: every message up to this number was taken in.
    pub(crate) fn reached(&self, number: u64) {
        let numbering = self.index.histories().numbering();
        if numbering.reached().is_some() {
            numbering.reach(number);
        }
    }

    /// The events of a message that its source gives back, as far as it makes some. It was counted when it was new.
    pub(crate) fn given_back(&mut self, tenant: &Tenant, message: &RawMessage<'_>, number: u64) -> Vec<Arc<Event>> {
        let Some(address) = message.address.filter(|address| address.tenant == tenant.id().as_str()) else {
            return Vec::new();
        };
        let Ok(samples) = self.parser.read(message.payload) else {
            return Vec::new();
        };
        let numbers = self.numbers(number, &samples, &address);
        let events = samples
            .enumerate()
            .filter_map(|(at, sample)| self.event(tenant.id(), &address, sample, Some(numbers.of(at))).ok());
        events.collect()
    }

    /// Counts a message that its source passes over. If a log line is due, returns how many were passed over since the last
    /// one.
    pub fn skipped(&mut self, reason: Reason) -> Option<u64> {
        self.metrics.received(1, 0);
        self.metrics.rejected(reason, self.started.elapsed())
    }

    /// Takes a message in that the source has kept from before. It is counted under a reason of its own, reaches no stream, and
    /// is the last value of a device of which none is known.
    #[cold]
    pub fn retained(&mut self, message: &RawMessage<'_>) {
        self.metrics.received(1, message.payload.len());
        match self.seed(message) {
            // By itself it is nothing to be told of.
            Ok(()) => _ = self.metrics.rejected(Reason::Retained, self.started.elapsed()),
            Err(reason) => self.reject(reason, message.topic),
        }
    }

    fn seed(&mut self, message: &RawMessage<'_>) -> Result<(), Reason> {
        let (address, mut samples) = self.read(message)?;
        let tenant = match self.index.find(address.tenant) {
            Some(tenant) => tenant,
            None if self.keeps_all => self.index.keep(&TenantId::parse(address.tenant).map_err(|_| Reason::Topic)?),
            None => return Ok(()),
        };
        // Of several samples the last one is the device's state.
        let Some(last) = samples.next_back() else {
            return Ok(());
        };
        let event = self.event(tenant.id(), &address, last, None)?;
        tenant.history().seed(&event);
        Ok(())
    }

    /// The source sends the tenant's events from now on: a stream that begins before the first of them can resume there.
    pub fn begin(&mut self, tenant: &Tenant) {
        tenant.begin_history(self.mark_id());
    }

    /// An id that is larger than those of all events before: where ids are numbers of the source, up to where it was read.
    fn mark_id(&mut self) -> EventId {
        let reached = self.index.histories().numbering().reached();
        reached.unwrap_or_else(|| self.ids.next())
    }

    /// Sends `tenant`'s subscribers a gap: events may be missing here.
    pub async fn upstream_gap(&mut self, tenant: &Arc<Tenant>) {
        let (position, interested) = tenant.append_mark(Some(self.mark_id()), Instant::now());
        self.notify(interested, || Item::UpstreamGap(Arc::clone(tenant), position)).await;
    }

    /// Sends `tenant`'s subscribers the notice that the source is in this state from here on, and since when.
    pub async fn upstream_state(&mut self, tenant: &Arc<Tenant>, state: SourceState, since: SystemTime) {
        let (position, interested) = tenant.append_mark(None, Instant::now());
        let notice = Arc::new(SourceNotice { tenant: Arc::clone(tenant), state, since });
        self.notify(interested, || Item::Upstream(Arc::clone(&notice), position)).await;
    }

    async fn notify(&mut self, interested: u64, item: impl Fn() -> Item) {
        self.put(interested, item).await;
        self.owed |= interested;
    }

    /// Wakes the shards for what was put into their inboxes. To be called before anything is waited for.
    pub fn wake_shards(&mut self) {
        self.gathered = 0;
        for shard in bits(std::mem::take(&mut self.owed)) {
            self.inboxes[shard].wake();
        }
    }

    /// Whose the message is, and its samples.
    fn read<'a>(&mut self, message: &RawMessage<'a>) -> Result<(Address<'a>, Samples<'a>), Reason> {
        let address = message.address.ok_or(Reason::Topic)?;
        let samples = self.parser.read(message.payload).map_err(Reason::Payload)?;
        Ok((address, samples))
    }

    /// Makes an event and appends it to its tenant's history. Returns it with its tenant and the shards to push it to, a bit
    /// each; none if the tenant is not in the index.
    ///
    /// The order that must hold is: append, *then* read the interest ([`Tenant::append`] does both). A shard declares its
    /// interest first and reads what is stored then, so a new subscriber finds an event among the stored ones, or is
    /// pushed it, or both, and never neither.
    fn accept(
        &mut self,
        address: &Address<'_>,
        sample: Sample<'_>,
        number: Option<u64>,
    ) -> Result<Option<Accepted>, Reason> {
        let Some(tenant) = self.index.find(address.tenant) else {
            return self.accept_of_stranger(address, sample, number);
        };
        let event = self.event(tenant.id(), address, sample, number)?;
        Ok(Some(self.append(event, tenant)))
    }

    /// Nobody's event: bad input is counted whoever listens, and where everything is kept it is the first of its tenant's.
    fn accept_of_stranger(
        &mut self,
        address: &Address<'_>,
        sample: Sample<'_>,
        number: Option<u64>,
    ) -> Result<Option<Accepted>, Reason> {
        let tenant = TenantId::parse(address.tenant).map_err(|_| Reason::Topic)?;
        let event = self.event(&tenant, address, sample, number)?;
        if self.keeps_all {
            let tenant = self.index.keep(&tenant);
            return Ok(Some(self.append(event, tenant)));
        }
        self.metrics.accepted();
        Ok(None)
    }

    fn append(&self, event: Arc<Event>, tenant: Arc<Tenant>) -> Accepted {
        // The tenant counts it first: who reads this count and then the tenant's never finds less there.
        let (position, interested) = tenant.append(&event);
        self.metrics.accepted();
        if self.index.histories().is_over() {
            self.index.reclaim();
        }
        (event, position, tenant, interested)
    }

    /// The event of a sample. Its id is the number, if there is one.
    fn event(
        &mut self,
        tenant: &TenantId,
        address: &Address<'_>,
        sample: Sample<'_>,
        number: Option<u64>,
    ) -> Result<Arc<Event>, Reason> {
        let Address { topic, device, metric, .. } = *address;
        let origin = Origin { tenant, device, topic, metric };
        let id = number.map_or_else(|| self.ids.next(), EventId::new);
        let event = self.parser.event(sample, id, &origin).map_err(Reason::Payload)?;
        if self.parser.lacked_metrics() {
            self.without_metrics(topic);
        }
        Ok(Arc::new(event))
    }

    async fn put(&self, shards: u64, item: impl Fn() -> Item) {
        for shard in bits(shards) {
            self.inboxes[shard].put(item()).await;
        }
    }

    #[cold]
    fn without_metrics(&self, topic: &str) {
        if let Some(suppressed) = self.metrics.without_metrics.count(self.started.elapsed()) {
            let topic = printable(topic.as_bytes(), LOG_TOPIC_CHARS);
            tracing::warn!(
                topic,
                suppressed,
                setting = "payload.metrics",
                looked_at = %self.metrics_at,
                "payload without metrics: its event has none; payload.metrics says where they stand, and \".\" that all \
                 members of a flat payload are metrics"
            );
        }
    }

    #[cold]
    fn reject(&self, reason: Reason, topic: &[u8]) {
        if let Some(suppressed) = self.metrics.rejected(reason, self.started.elapsed()) {
            let topic = printable(topic, LOG_TOPIC_CHARS);
            tracing::warn!(reason = reason.label(), topic, suppressed, "message rejected");
        }
    }
}

/// The numbers of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = set.trailing_zeros() as usize;
        (set != 0).then(|| {
            set &= set - 1;
            lowest
        })
    })
}
