//! Drives one link after the other.
//!
//! Invariant: the link's events are handled one after the other in the order of the broker, each to its end before the
//! next. Requests are handed over without waiting, so no number of them can stop the link that sends them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::backoff::Backoff;
use super::broker::Broker;
use super::config::Config;
use super::link::{Happened, Link, LinkError, Message};
use super::probe::Probe;
use super::request_scheduler::RequestScheduler;
use super::router::Router;
use super::shared::Shared;
use super::topic;
use crate::control::{Facts, Order};
use floodway_core::index::{Tenant, Upstream};

/// Between two looks at the index.
const SWEEP: Duration = Duration::from_secs(1);

/// Everything that outlives a link.
pub(super) struct Driver<'a> {
    pub(super) config: &'a Config,
    pub(super) brokers: &'a [Broker],
    pub(super) client_id: &'a str,
    pub(super) shared: &'a Shared,
    pub(super) exchange: RequestScheduler<'a>,
    pub(super) probe: Probe<'a>,
    pub(super) router: Router,
    /// Tenants that somebody waits for.
    pub(super) wanted: &'a mut mpsc::Receiver<Arc<Tenant>>,
    /// Control documents that somebody writes.
    pub(super) orders: Option<&'a mut mpsc::Receiver<Order>>,
    pub(super) backoff: &'a mut Backoff,
    pub(super) stop: watch::Receiver<bool>,
}

impl<'a> Driver<'a> {
    /// Connects, serves and connects again, to each broker in turn, until it is told to stop.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut with_will = true;
        for (number, broker) in self.brokers.iter().enumerate().cycle() {
            let control = self.exchange.control.as_deref().filter(|_| with_will);
            let will = control.map(|control| control.will_topic());
            let connected = tokio::select! {
                connected = Link::connect(self.config, broker, self.client_id, will) => connected,
                _ = stop.wait_for(|&stop| stop) => return,
            };
            match connected {
                Err(error) => {
                    // The next attempt does without, or with it again.
                    with_will ^= error.may_be_for_the_will();
                    tracing::warn!(%broker, %error, "broker not reached");
                    self.shared.link_failed(broker, error.result(), &error);
                }
                Ok((link, facts)) => match self.serve(link, facts, number).await {
                    Err(error) => tracing::warn!(%broker, %error, "broker lost"),
                    Ok(()) => return,
                },
            }
            self.exchange.subscriptions.sweep(Instant::now());
            tokio::select! {
                () = sleep(self.backoff.pause()) => {}
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    /// Serves one link from its beginning to its end, which is an error unless it was told to stop.
    async fn serve(
        &mut self,
        mut link: Link,
        facts: Facts,
        number: usize,
    ) -> Result<(), LinkError> {
        let brokers = self.brokers;
        let broker = &brokers[number];
        let since = Instant::now();
        tracing::info!(%broker, "broker connected");
        self.shared.link_began(broker);
        self.exchange.link_up(number, facts, since);
        let ended = self.handle_all(&mut link, broker).await;
        self.probe.cancel();
        // First the flag: who sees its tenant wait again must not go on to wait for a broker that is gone.
        match &ended {
            Err(error) => self.shared.link_lost(broker, error),
            Ok(()) => self.shared.link_is_down(),
        }
        let how = ended.as_ref().err();
        let how = how.filter(|error| error.may_be_for_a_request());
        let how = how.map(ToString::to_string);
        self.exchange.link_lost(how.as_deref(), Instant::now());
        if since.elapsed() >= self.config.backoff_max {
            self.backoff.reset();
        }
        ended
    }

    async fn handle_all(&mut self, link: &mut Link, broker: &'a Broker) -> Result<(), LinkError> {
        let mut stop = self.stop.clone();
        let mut is_stopping = false;
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.settle(link, broker).await;
        loop {
            while let Some(happened) = link.happened() {
                if self.handle(happened, link, broker).await.is_break() {
                    return Ok(());
                }
            }
            self.router.wake_shards();
            tokio::select! {
                happened = link.next() => {
                    self.shared.pulse.beat(link.received());
                    if self.handle(happened?, link, broker).await.is_break() {
                        return Ok(());
                    }
                    continue;
                }
                Some(tenant) = self.wanted.recv() => self.exchange.subscriptions.want(&tenant),
                Some(order) = next_order(&mut self.orders), if self.exchange.takes_orders() => {
                    self.exchange.order(order);
                }
                outcome = self.probe.outcome() => self.exchange.tried(outcome, Instant::now()),
                _ = sweep.tick() => self.sweep(),
                _ = stop.wait_for(|&stop| stop), if !is_stopping => {
                    is_stopping = true;
                    link.leave(self.exchange.farewell());
                }
            }
            self.settle(link, broker).await;
        }
    }

    /// Breaks once the link has ended as we wanted.
    async fn handle(
        &mut self,
        happened: Happened,
        link: &mut Link,
        broker: &'a Broker,
    ) -> ControlFlow<()> {
        match happened {
            Happened::Published(Message {
                topic,
                payload,
                retain,
            }) => {
                if self.exchange.message(&topic, &payload, retain) {
                    self.settle(link, broker).await;
                } else {
                    self.publish(&topic, &payload, link.received()).await;
                }
            }
            Happened::TooLarge(message) => {
                let limit = self.config.packet_bytes;
                self.router
                    .too_large(&message.topic, message.bytes, limit, broker);
            }
            Happened::Disconnected => return ControlFlow::Break(()),
            Happened::Answered(id, answers) => {
                self.exchange.answered(id, answers, Instant::now());
                self.settle(link, broker).await;
            }
        }
        ControlFlow::Continue(())
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        self.shared.pulse.beat(now);
        self.exchange.sweep(now);
    }

    /// Tells who was confirmed or refused, asks for what is wanted, and tries what may cost the link on another one.
    async fn settle(&mut self, link: &mut Link, broker: &'a Broker) {
        if self.exchange.opens() {
            self.shared.link_is_up();
        }
        while let Some(confirmation) = self.exchange.subscriptions.next_confirmed() {
            if confirmation.after_loss {
                self.router.upstream_gap(&confirmation.tenant).await;
            }
            if confirmation.after_refusal {
                self.router.upstream_returned(&confirmation.tenant).await;
            }
            self.exchange.apply_groups(&confirmation.tenant);
            confirmation.tenant.set_upstream(Upstream::Confirmed);
        }
        while let Some(tenant) = self.exchange.subscriptions.next_refused() {
            self.router.upstream_refused(&tenant).await;
        }
        self.router.wake_shards();
        self.shared.link_stands(self.exchange.link_state());
        while link.may_send()
            && let Some(request) = self
                .exchange
                .next_request(Instant::now(), link.may_publish())
        {
            match link.send(request) {
                Ok(id) => self.exchange.sent(id),
                Err(reason) => self.exchange.unsent(&reason, Instant::now()),
            }
        }
        if let Some(requests) = self.exchange.next_trial(Instant::now()) {
            self.probe.begin(broker, requests);
        }
    }

    async fn publish(&mut self, topic: &[u8], payload: &[u8], received: Instant) {
        self.router.received_at(received);
        if self.exchange.subscriptions.may_owe_gaps() {
            let tenant = str::from_utf8(topic)
                .ok()
                .and_then(topic::parse)
                .map(|(tenant, _)| tenant);
            if let Some(owed) =
                tenant.and_then(|tenant| self.exchange.subscriptions.gap_before(tenant))
            {
                self.router.upstream_gap(&owed).await;
            }
        }
        self.router.publish(topic, payload).await;
    }
}

/// The next order, if there is anybody who could give one.
async fn next_order(orders: &mut Option<&mut mpsc::Receiver<Order>>) -> Option<Order> {
    match orders {
        Some(orders) => orders.recv().await,
        None => None,
    }
}
