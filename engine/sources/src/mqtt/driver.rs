//! Drives one link after the other.
//!
//! Invariant: the link's events are handled one after the other in the order of the broker, each to its end before the
//! next. Requests are handed over without waiting, so no number of them can stop the link that sends them.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::accepted::Accepted;
use super::broker::Broker;
use super::config::{Config, Session};
use super::held::Held;
use super::link::{Client, Dialer, Link, LinkError, LinkEvent, Message, Oversized};
use super::probe::Probe;
use super::request_scheduler::RequestScheduler;
use crate::control::StoreFacts;
use crate::router::{LOG_TOPIC_CHARS, RawMessage, Reason, Topics};
use crate::source::Port;
use floodway_core::printable::printable;
use floodway_protocol::names::is_wild;

/// The pause between two looks at the index.
const SWEEP: Duration = Duration::from_secs(1);

/// Everything that outlives a link.
pub(super) struct Driver<'a> {
    pub(super) config: &'a Config,
    pub(super) dialer: &'a Dialer,
    pub(super) brokers: &'a [Broker],
    pub(super) client_id: &'a str,
    pub(super) topics: &'a Topics,
    pub(super) accepted: &'a mut Accepted,
    pub(super) requests: RequestScheduler<'a>,
    pub(super) probe: Probe<'a>,
    pub(super) held: Held,
    pub(super) port: Port<'a>,
}

impl<'a> Driver<'a> {
    /// Connects, serves and connects again, to each broker in turn, until it is to stop.
    pub(super) async fn run(mut self) {
        let mut stop = self.port.stop.clone();
        let mut with_will = true;
        for (number, broker) in self.brokers.iter().enumerate().cycle() {
            let control = self.requests.control.as_deref().filter(|_| with_will);
            let will = control.map(|control| control.will_topic());
            let session_expiry = (self.config.session == Session::Persistent).then_some(self.config.session_expiry);
            let client = Client { id: self.client_id, will, session_expiry };
            let connected = tokio::select! {
                connected = Link::connect(self.config, self.dialer, broker, client) => connected,
                _ = stop.wait_for(|&stop| stop) => return,
            };
            match connected {
                Err(error) => {
                    // The next attempt does without, or with it again.
                    with_will ^= error.may_be_for_the_will();
                    tracing::warn!(%broker, %error, "broker not reached");
                    self.port.status.attempt_failed(broker, error.result(), &error);
                }
                Ok((link, facts)) => match self.serve(link, facts, number).await {
                    Err(error) => tracing::warn!(%broker, %error, "broker lost"),
                    Ok(()) => return,
                },
            }
            self.requests.subscriptions.sweep(Instant::now());
            tokio::select! {
                () = sleep(self.port.backoff.pause()) => {}
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    /// Serves one link from its beginning to its end, which is an error unless it was to stop.
    async fn serve(&mut self, mut link: Link, facts: StoreFacts, number: usize) -> Result<(), LinkError> {
        let broker = &self.brokers[number];
        let since = Instant::now();
        let (protocol, takes_wild_names) = (link.version, link.version.takes_wild_names());
        self.requests.subscriptions.takes_wild_names = takes_wild_names;
        let is_session_kept = self.requests.link_up(number, facts, since);
        tracing::info!(%broker, %protocol, is_session_kept, "broker connected");
        self.port.status.speaks(protocol.to_string(), takes_wild_names);
        self.port.status.connected(broker);
        self.accepted.link_up(is_session_kept);
        let ended = self.handle_all(&mut link, broker).await;
        self.probe.cancel();
        self.held.clear();
        // First the status: who sees its tenant wait again must not go on to wait for a broker that is gone.
        match &ended {
            Err(error) => self.port.status.lost(broker, error),
            Ok(()) => self.port.status.closed(),
        }
        let blamed = ended.as_ref().err().filter(|error| error.may_be_for_a_request());
        let reason = blamed.map(ToString::to_string);
        let lost = self.requests.link_lost(reason.as_deref(), Instant::now());
        if ended.as_ref().is_err_and(LinkError::is_takeover) {
            self.requests.subscriptions.forget_session();
        }
        if ended.is_err() {
            self.port.lost(&lost).await;
        }
        if since.elapsed() >= self.config.backoff_max {
            self.port.backoff.reset();
        }
        ended
    }

    async fn handle_all(&mut self, link: &mut Link, broker: &'a Broker) -> Result<(), LinkError> {
        let mut stop = self.port.stop.clone();
        let mut is_stopping = false;
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.settle(link, broker).await;
        loop {
            while let Some(event) = link.event() {
                if self.handle(event, link, broker).await.is_break() {
                    return Ok(());
                }
            }
            self.port.router.wake_shards();
            tokio::select! {
                event = link.next() => {
                    self.port.status.pulse.beat(link.received);
                    if self.handle(event?, link, broker).await.is_break() {
                        return Ok(());
                    }
                    continue;
                }
                Some(tenant) = self.port.wanted.recv() => self.requests.subscriptions.want(&tenant),
                () = self.requests.take_order() => {}
                outcome = self.probe.outcome() => self.requests.subscriptions.probed(outcome, Instant::now()),
                _ = sweep.tick() => {
                    let now = Instant::now();
                    self.port.status.pulse.beat(now);
                    self.requests.sweep(now);
                    self.confirm_held(link.pings.1).await;
                }
                _ = stop.wait_for(|&stop| stop), if !is_stopping => {
                    is_stopping = true;
                    let control = self.requests.control.as_ref();
                    link.disconnect(control.and_then(|control| control.topic_to_clear()));
                }
            }
            self.settle(link, broker).await;
        }
    }

    /// Breaks once the link has ended as we wanted.
    async fn handle(&mut self, event: LinkEvent, link: &mut Link, broker: &'a Broker) -> ControlFlow<()> {
        match event {
            LinkEvent::Published(message) => {
                if self.requests.message(&message.topic, &message.payload, message.retain) {
                    self.settle(link, broker).await;
                } else if message.id != 0 && self.accepted.is_again(&message, link.pings) {
                    self.pass_over(&message);
                } else if !link.version.takes_wild_names() && is_wild(&message.topic) {
                    self.refuse_name(&message);
                } else if message.retain {
                    let message = RawMessage::new(self.topics, &message.topic, &message.payload);
                    self.port.router.retained(&message);
                } else {
                    self.publish(&message, link.received).await;
                }
            }
            LinkEvent::TooLarge(message) => self.skip(&message, broker),
            LinkEvent::Disconnected => return ControlFlow::Break(()),
            LinkEvent::Answered(id, answers) => {
                let now = Instant::now();
                self.requests.answered(id, answers, now);
                let granted = &mut self.requests.subscriptions.confirmed;
                if self.held.take(granted, link.pings.0 + 1, now) {
                    link.ping();
                }
                self.settle(link, broker).await;
            }
            LinkEvent::Ponged => self.confirm_held(link.pings.1).await,
        }
        ControlFlow::Continue(())
    }

    /// Confirms the tenants that waited for this answer to a ping.
    async fn confirm_held(&mut self, answered: u64) {
        while let Some(confirmation) = self.held.next(answered, Instant::now()) {
            self.port.confirm(confirmation).await;
        }
    }

    /// Passes on who was confirmed or refused, asks for what is wanted, and tries what may cost the link on another one.
    async fn settle(&mut self, link: &mut Link, broker: &'a Broker) {
        if self.requests.open_if_settled() {
            self.port.status.opened();
        }
        while let Some(confirmation) = self.requests.subscriptions.confirmed.pop_front() {
            self.port.confirm(confirmation).await;
        }
        while let Some(tenant) = self.requests.subscriptions.refused.pop_front() {
            self.port.refuse(&tenant).await;
        }
        self.port.router.wake_shards();
        self.port.status.set_state(self.requests.source_state());
        while link.may_send()
            && let Some(request) = self.requests.next_request(Instant::now(), link.may_publish())
        {
            match link.send(request) {
                Ok(id) => self.requests.sent(id),
                Err(reason) => self.requests.unsent(&reason, Instant::now()),
            }
        }
        if let Some(requests) = self.requests.subscriptions.next_probe(Instant::now()) {
            self.probe.begin(broker, requests);
        }
    }

    async fn publish(&mut self, message: &Message, received: Instant) {
        let is_kept = message.id != 0;
        let message = RawMessage::new(self.topics, &message.topic, &message.payload);
        self.port.router.received_at(received);
        let subscriptions = &mut self.requests.subscriptions;
        if subscriptions.watches_messages()
            && let Some(tenant) = message.tenant()
            && let Some(owed) = subscriptions.message(tenant, is_kept)
        {
            self.port.router.upstream_gap(&owed).await;
        }
        self.port.router.publish(&message).await;
    }

    /// Counts a message that the broker has sent again.
    #[cold]
    fn pass_over(&mut self, message: &Message) {
        if let Some(suppressed) = self.port.router.skipped(Reason::Duplicate) {
            let topic = printable(&message.topic, LOG_TOPIC_CHARS);
            tracing::debug!(reason = Reason::Duplicate.label(), topic, suppressed, "message passed over");
        }
    }

    /// Counts a message whose tenant or device has a name that this broker may take for a wildcard.
    #[cold]
    fn refuse_name(&mut self, message: &Message) {
        if let Some(suppressed) = self.port.router.skipped(Reason::Topic) {
            let topic = printable(&message.topic, LOG_TOPIC_CHARS);
            tracing::warn!(
                reason = Reason::Topic.label(),
                topic,
                suppressed,
                "message rejected: over MQTT 3.1.1 no name may hold '*', '>' or white space, which NATS takes for wildcards"
            );
        }
    }

    /// Counts a message that the broker sent though its packet is larger than the limit that we announced.
    #[cold]
    fn skip(&mut self, message: &Oversized, broker: &Broker) {
        if let Some(suppressed) = self.port.router.skipped(Reason::Packet) {
            tracing::warn!(
                reason = Reason::Packet.label(),
                topic = printable(&message.topic, LOG_TOPIC_CHARS),
                bytes = message.bytes,
                limit = self.config.packet_bytes,
                setting = "mqtt.packet_bytes",
                %broker,
                suppressed,
                "message skipped: the broker ignores the largest packet that it was told"
            );
        }
    }
}
