//! From a message to the shards that want it.
//!
//! Invariant: a message becomes one event or is counted as rejected with one reason; an event is appended to its
//! tenant *before* the tenant's interest is read, and is then put once into the inbox of each interested shard.
//! Nothing but the event is allocated, and nothing of the message is kept: its payload pins the read buffer.

use std::sync::Arc;
use std::time::Instant;

use super::broker::Broker;
use super::complaint::Complaint;
use super::metrics::{Metrics, Reason};
use super::topic;
use floodway_core::event::{self, Event, IdSource, Parser};
use floodway_core::inbox::{Inbox, Item};
use floodway_core::index::{Index, Tenant};
use floodway_core::printable::printable;
use floodway_protocol::messages::notice::SourceState;
use floodway_protocol::names::TenantId;

/// Messages that are taken before the shards that they concern are woken. Of those that come together each would cost a
/// wake-up, and the last of very many would hold up the first.
const GATHERED: u32 = 16;

/// Characters of a topic in the log.
const LOG_TOPIC_CHARS: usize = 200;

/// An event, its tenant, and the shards to push it to.
type Accepted = (Arc<Event>, Arc<Tenant>, u64);

/// Takes messages in, one after the other.
pub struct Router {
    parser: Parser,
    ids: IdSource,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
    complaints: [Complaint; Reason::COUNT],
    /// About payloads without metrics.
    flat: Complaint,
    /// Shards that are owed a wake-up, a bit each.
    owed: u64,
    /// Messages since shards were woken.
    gathered: u32,
}

impl Router {
    /// A router into `inboxes`, one for each shard, that counts in `metrics`.
    pub fn new(
        config: &event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let complaints = Default::default();
        Self {
            parser: Parser::new(config),
            ids: IdSource::new(),
            index,
            inboxes,
            metrics,
            complaints,
            flat: Complaint::default(),
            owed: 0,
            gathered: 0,
        }
    }

    /// The same, with ids from `ids`.
    pub(super) fn with_ids(self, ids: IdSource) -> Self {
        Self { ids, ..self }
    }

    /// The messages that follow were received `at` this time. One reading of the clock for all that came together.
    pub fn received_at(&mut self, at: Instant) {
        self.parser.received_at(at);
    }

    /// Takes one message in. Waits only while an inbox is full. The shards that it concerns need not be woken yet: see
    /// [`Router::wake_shards`].
    pub async fn publish(&mut self, topic: &[u8], payload: &[u8]) {
        self.metrics.received(payload.len());
        match self.accept(topic, payload) {
            Ok(Some((event, tenant, interested))) => {
                self.put(interested, || Item::Event(Arc::clone(&event)))
                    .await;
                self.owed |= interested & tenant.wake_filter().by(event.device());
            }
            Ok(None) => {}
            Err(reason) => self.reject(reason, topic),
        }
        self.gathered += 1;
        if self.gathered >= GATHERED {
            self.wake_shards();
        }
    }

    /// Counts a message that `broker` sent though its packet, of `bytes`, is larger than the `limit` that it was told.
    pub(super) fn too_large(&mut self, topic: &[u8], bytes: usize, limit: u32, broker: &Broker) {
        self.metrics.received(0);
        self.metrics.rejected(Reason::Packet);
        if let Some(suppressed) = self.complaint(Reason::Packet) {
            tracing::warn!(
                reason = Reason::Packet.label(),
                topic = printable(topic, LOG_TOPIC_CHARS),
                bytes,
                limit,
                setting = "mqtt.packet_bytes",
                %broker,
                suppressed,
                "message skipped: the broker ignores the largest packet that it was told"
            );
        }
    }

    /// Tells `tenant`'s subscribers that at this place events may be missing.
    pub async fn upstream_gap(&mut self, tenant: &Arc<Tenant>) {
        let interested = tenant.interest();
        self.put(interested, || Item::UpstreamGap(Arc::clone(tenant)))
            .await;
        self.owed |= interested;
    }

    /// Tells `tenant`'s subscribers that the broker refuses its events from here on: they may miss some, and wait.
    pub async fn upstream_refused(&mut self, tenant: &Arc<Tenant>) {
        self.upstream_gap(tenant).await;
        self.upstream_turn(tenant, SourceState::Refused).await;
    }

    /// Tells them that the broker sends its events again. The gap comes before.
    pub async fn upstream_returned(&mut self, tenant: &Arc<Tenant>) {
        self.upstream_turn(tenant, SourceState::Up).await;
    }

    async fn upstream_turn(&mut self, tenant: &Arc<Tenant>, source: SourceState) {
        let interested = tenant.interest();
        let item = || Item::Upstream(Arc::clone(tenant), source);
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

    /// Makes an event and appends it. Returns it with its tenant and the shards to push it to, a bit each; none if the
    /// tenant has no subscribers.
    ///
    /// This is where an event will be stored for replay, and the order that must hold is: append, *then* read the
    /// interest ([`Tenant::appended`] does both). A shard declares its interest first and reads what is stored then,
    /// so a new subscriber finds an event among the stored ones, or is pushed it, or both, and never neither.
    fn accept(&mut self, topic: &[u8], payload: &[u8]) -> Result<Option<Accepted>, Reason> {
        let topic = str::from_utf8(topic).map_err(|_| Reason::Topic)?;
        let (tenant, device) = topic::parse(topic).ok_or(Reason::Topic)?;
        let Some(tenant) = self.index.find(tenant) else {
            // Nobody's event, yet bad input is counted whoever listens.
            let tenant = TenantId::parse(tenant).map_err(|_| Reason::Topic)?;
            self.event(&tenant, device, topic, payload)?;
            self.metrics.accepted();
            return Ok(None);
        };
        let event = self.event(tenant.id(), device, topic, payload)?;
        // The tenant counts it first: who reads this count and then the tenant's never finds less there.
        let interested = tenant.appended(event.id());
        self.metrics.accepted();
        Ok(Some((event, tenant, interested)))
    }

    fn event(
        &mut self,
        tenant: &TenantId,
        device: &str,
        topic: &str,
        payload: &[u8],
    ) -> Result<Arc<Event>, Reason> {
        let event = self
            .parser
            .parse(self.ids.next(), tenant, device, topic, payload)
            .map_err(Reason::Payload)?;
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

    /// How many lines of this reason were passed over, if it is time for the next one.
    fn complaint(&mut self, reason: Reason) -> Option<u64> {
        self.complaints[reason.index()].is_due(Instant::now())
    }

    #[cold]
    fn without_metrics(&mut self, topic: &str) {
        self.metrics.without_metrics();
        if let Some(suppressed) = self.flat.is_due(Instant::now()) {
            let topic = printable(topic.as_bytes(), LOG_TOPIC_CHARS);
            tracing::warn!(
                topic,
                suppressed,
                "payload without metrics: its event has none; values are read from an object named metrics, \
                 {{\"metrics\":{{\"temperature\":72}}}}"
            );
        }
    }

    #[cold]
    fn reject(&mut self, reason: Reason, topic: &[u8]) {
        self.metrics.rejected(reason);
        if let Some(suppressed) = self.complaint(reason) {
            let topic = printable(topic, LOG_TOPIC_CHARS);
            tracing::warn!(
                reason = reason.label(),
                topic,
                suppressed,
                "message rejected"
            );
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

#[cfg(all(test, not(floodway_loom)))]
mod tests;
