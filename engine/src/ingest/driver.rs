//! Drives one link after the other.
//!
//! Invariant: the link's events are handled one after the other in the order of the broker, each to its end before the
//! next is polled. Requests are handed over without waiting, so no number of them can stop the polling that sends them.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use super::backoff::Backoff;
use super::broker::Broker;
use super::config::Config;
use super::link::{Happened, Link, LinkError, Requests};
use super::router::Router;
use super::subscriptions::Subscriptions;
use super::topic;
use crate::index::{Tenant, Upstream};

/// Between two looks at the index.
const SWEEP: Duration = Duration::from_secs(1);

/// Everything that outlives a link.
pub(super) struct Driver<'a> {
    pub(super) config: &'a Config,
    pub(super) brokers: &'a [Broker],
    pub(super) client_id: &'a str,
    pub(super) shared: &'a Shared,
    pub(super) subscriptions: &'a mut Subscriptions,
    pub(super) router: Router,
    /// Tenants that somebody waits for.
    pub(super) wanted: &'a mut mpsc::Receiver<Arc<Tenant>>,
    pub(super) backoff: &'a mut Backoff,
    pub(super) stop: watch::Receiver<bool>,
}

impl Driver<'_> {
    /// Connects, serves and connects again, to each broker in turn, until it is told to stop.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        for broker in self.brokers.iter().cycle() {
            let connected = tokio::select! {
                connected = Link::connect(self.config, broker, self.client_id) => connected,
                _ = stop.wait_for(|&stop| stop) => return,
            };
            match connected {
                Err(error) => tracing::warn!(%broker, %error, "broker not reached"),
                Ok((link, requests)) => match self.serve(link, requests, broker).await {
                    Err(error) => tracing::warn!(%broker, %error, "broker lost"),
                    Ok(()) => return,
                },
            }
            self.subscriptions.sweep(Instant::now());
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
        requests: Requests,
        broker: &Broker,
    ) -> Result<(), LinkError> {
        let since = Instant::now();
        tracing::info!(%broker, "broker connected");
        self.shared.link_is_up();
        self.subscriptions.link_up();
        let ended = self.handle_all(&mut link, &requests).await;
        // First the flag: who sees its tenant wait again must not go on to wait for a broker that is gone.
        self.shared.link_is_down();
        self.subscriptions.link_lost();
        if since.elapsed() >= self.config.backoff_max {
            self.backoff.reset();
        }
        ended
    }

    async fn handle_all(&mut self, link: &mut Link, requests: &Requests) -> Result<(), LinkError> {
        let mut stop = self.stop.clone();
        let mut is_stopping = false;
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.settle(requests).await?;
        loop {
            if !link.has_next() {
                self.router.wake_shards();
            }
            let happened = {
                // Pinned outside the select, so that losing to another arm does not cancel it.
                let mut next = pin!(link.next());
                loop {
                    tokio::select! {
                        happened = &mut next => break happened?,
                        Some(tenant) = self.wanted.recv() => self.subscriptions.want(&tenant),
                        _ = sweep.tick() => self.sweep()?,
                        _ = stop.wait_for(|&stop| stop), if !is_stopping => {
                            is_stopping = true;
                            requests.disconnect()?;
                        }
                    }
                    self.settle(requests).await?;
                }
            };
            match happened {
                Happened::Published(publish) => {
                    self.publish(&publish.topic, &publish.payload).await
                }
                Happened::Disconnected => return Ok(()),
                Happened::Nothing => {}
                Happened::Sent(id) => self.subscriptions.sent(id),
                Happened::Answered(id, answers) => {
                    self.subscriptions.answered(id, &answers, Instant::now());
                    self.settle(requests).await?;
                }
            }
        }
    }

    fn sweep(&mut self) -> Result<(), LinkError> {
        let now = Instant::now();
        self.subscriptions.sweep(now);
        if self.subscriptions.is_overdue(now) {
            Err(LinkError::Unanswered)
        } else {
            Ok(())
        }
    }

    /// Tells who was confirmed, and asks for what is wanted.
    async fn settle(&mut self, requests: &Requests) -> Result<(), LinkError> {
        while let Some(confirmation) = self.subscriptions.next_confirmed() {
            if confirmation.after_loss {
                self.router.upstream_gap(&confirmation.tenant).await;
            }
            confirmation.tenant.set_upstream(Upstream::Confirmed);
        }
        self.router.wake_shards();
        match self.subscriptions.next_request(Instant::now()) {
            Some(request) => requests.send(request),
            None => Ok(()),
        }
    }

    async fn publish(&mut self, topic: &[u8], payload: &[u8]) {
        if self.subscriptions.may_owe_gaps() {
            let tenant = str::from_utf8(topic)
                .ok()
                .and_then(topic::parse)
                .map(|(tenant, _)| tenant);
            if let Some(owed) = tenant.and_then(|tenant| self.subscriptions.gap_before(tenant)) {
                self.router.upstream_gap(&owed).await;
            }
        }
        self.router.publish(topic, payload).await;
    }
}
