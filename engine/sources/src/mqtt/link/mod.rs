//! One connection to one broker, over rumqttc's codec: the only place that knows MQTT's packets.
//!
//! In the order of its life: `transport` reaches the broker, `open` is let in, `outgoing` makes packets of requests, `incoming`
//! reads what comes, `keep_alive` notices a broker that hangs, `pace` gathers messages that come fast, `error` says why it
//! ended. `codec` alone knows that there are several versions of MQTT, and `attempt` which of them to try.
//!
//! Invariant: a link is used for one connection and dropped with it, so nothing that was pending on one is sent on the
//! next.

mod attempt;
mod codec;
mod error;
mod incoming;
mod keep_alive;
mod open;
mod outgoing;
mod pace;
mod transport;
mod version;

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::time::timeout_at;

use super::broker::Broker;
use super::config::Config;
use super::request::{Answer, Request};
use crate::control::StoreFacts;
use codec::{DisconnectReasonCode, Received, RequestKind, Welcome};
pub(super) use codec::{Message, Oversized};
pub(super) use error::{LinkError, Unsent};
use floodway_core::log_rate::Counted;
use incoming::{Incoming, READ_BYTES};
use keep_alive::KeepAlive;
use outgoing::Outgoing;
use pace::Pace;
pub(super) use transport::Dialer;
use transport::Stream;
pub(super) use version::Version;

/// What has happened on a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// A message has come. It is acknowledged when the link is asked for the next event.
    Published(Message),
    /// A message that is larger than we take has come, and was skipped.
    TooLarge(Oversized),
    /// A request was answered, one answer for each filter.
    Answered(u16, Vec<Answer>),
    /// A ping was answered; so was everything that was sent before it.
    Ponged,
    /// The link has ended, after our DISCONNECT.
    Disconnected,
}

/// As whom a link is made.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) id: &'a str,
    /// Where the broker publishes an empty retained message when it loses us, if anywhere.
    pub(super) will: Option<String>,
    /// For how long the broker keeps the session when the link has ended; one of MQTT 3.1.1 as long as it likes. Without it
    /// each link begins anew.
    pub(super) session_expiry: Option<Duration>,
}

pub(super) struct Link {
    /// What it speaks.
    pub(super) version: Version,
    stream: Box<dyn Stream>,
    incoming: Incoming,
    outgoing: Outgoing,
    keep_alive: KeepAlive,
    pace: Pace,
    /// When the bytes were read that hold the last event: one reading of the clock for the messages that come together.
    pub(super) received: Instant,
    /// When the broker let us in.
    began: Instant,
    /// Pings that were sent, and that were answered.
    pub(super) pings: (u64, u64),
    /// Packet id of the last message; 0 if it needs no acknowledgement.
    unacknowledged: u16,
    /// Answers that nobody waits for.
    strays: Counted,
    /// There was nothing to read when it was last looked.
    is_idle: bool,
    /// We have sent DISCONNECT.
    is_leaving: bool,
    /// Why the link has ended, which is returned after all that came before.
    end: Option<LinkError>,
}

impl Link {
    /// Connects to `broker` in one version and waits for its CONNACK.
    async fn connect_as(
        version: Version,
        config: &Config,
        dialer: &Dialer,
        broker: &Broker,
        client: &Client<'_>,
    ) -> Result<(Self, StoreFacts), LinkError> {
        let deadline = tokio::time::Instant::now() + config.connect_timeout;
        let stream = dialer.dial(config, broker, deadline).await?;
        let connect = open::connect(version, config, broker, client)?;
        let over = Self::over(stream, version, config, &connect);
        let over = timeout_at(deadline, over).await;
        over.map_err(|_| LinkError::timed_out(config, "answer to CONNECT"))?
    }

    async fn over(
        mut stream: Box<dyn Stream>,
        version: Version,
        config: &Config,
        connect: &[u8],
    ) -> Result<(Self, StoreFacts), LinkError> {
        let mut read = BytesMut::with_capacity(2 * READ_BYTES);
        let welcome = open::greet(version, &mut *stream, connect, &mut read).await?;
        let facts = facts(version, &welcome, config);
        let link = Self {
            version,
            stream,
            incoming: Incoming::new(read, version, config.packet_bytes),
            outgoing: Outgoing::new(version, config.qos, &welcome),
            keep_alive: KeepAlive::new(config.keep_alive, welcome.keep_alive),
            pace: Pace::new(Duration::from_micros(config.read_pause_us.into())),
            received: Instant::now(),
            began: Instant::now(),
            pings: (0, 0),
            unacknowledged: 0,
            strays: Counted::default(),
            is_idle: false,
            is_leaving: false,
            end: None,
        };
        Ok((link, facts))
    }

    /// Enqueues `request`, and returns its packet id: any that no unanswered request has.
    /// [`Link::next`] sends it.
    pub(super) fn send(&mut self, request: Request) -> Result<u16, Unsent> {
        self.outgoing.request(request)
    }

    /// Whether a request may be sent, other than a publish.
    pub(super) fn may_send(&self) -> bool {
        self.outgoing.may_send()
    }

    /// Whether something may be published: the broker bounds how much it has not acknowledged.
    pub(super) fn may_publish(&self) -> bool {
        self.outgoing.may_publish()
    }

    /// Enqueues a ping. Once so many are answered ([`Link::pings`]), the broker has sent what it had to send before.
    pub(super) fn ping(&mut self) -> u64 {
        self.pings.0 += 1;
        self.outgoing.ping();
        self.pings.0
    }

    /// Disconnects (MQTT 5.0, 3.14), after it has deleted the retained message of `cleared`. What the broker still sends
    /// is returned as before; then, once it has closed the connection, [`LinkEvent::Disconnected`].
    pub(super) fn disconnect(&mut self, cleared: Option<String>) {
        if let Some(Err(error)) = cleared.map(|topic| self.outgoing.clear(topic)) {
            tracing::debug!(%error, "our own status is left to expire");
        }
        self.outgoing.disconnect(DisconnectReasonCode::NormalDisconnection);
        self.is_leaving = true;
    }

    /// The next event in what was read already. To be asked before [`Link::next`]: it costs nothing, and of messages that
    /// came together only the first is worth looking at everything else for.
    pub(super) fn event(&mut self) -> Option<LinkEvent> {
        // The router has taken the last message.
        let taken = std::mem::take(&mut self.unacknowledged);
        if taken != 0 {
            self.outgoing.acknowledge(taken);
        }
        while self.end.is_none() {
            match self.incoming.next() {
                Ok(None) => break,
                Ok(Some(Received::Message(message))) => {
                    self.unacknowledged = message.id;
                    return Some(LinkEvent::Published(message));
                }
                Ok(Some(Received::TooLarge(message, id))) => {
                    self.unacknowledged = id;
                    return Some(LinkEvent::TooLarge(message));
                }
                Ok(Some(Received::Answer(id, to, answers))) => {
                    if self.outgoing.answered(id, to) {
                        return Some(LinkEvent::Answered(id, answers));
                    }
                    self.log_stray(id, to);
                }
                Ok(Some(Received::Pong)) => {
                    self.pings.1 += 1;
                    return Some(LinkEvent::Ponged);
                }
                Err(error) => self.end = Some(error),
            }
        }
        None
    }

    /// Waits for the next event. May be cancelled: nothing is lost, and the next call goes on. After an error the link is of
    /// no more use.
    pub(super) async fn next(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            if let Some(event) = self.event() {
                return Ok(event);
            }
            if let Some(end) = self.end.take() {
                return self.ended(end);
            }
            // Now or after what was read.
            self.end = poll_fn(|cx| self.poll(cx)).await.err();
        }
    }

    /// Sends what is to be sent, and is ready when something was read or the end has come.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            let written = self.outgoing.poll_write(&mut *self.stream, cx);
            // Without room for what has to be answered, nothing more is taken in.
            let read = if self.outgoing.is_full() { Poll::Pending } else { self.poll_read(cx)? };
            // What was read comes before an error in writing: it may say why.
            if read.is_pending() {
                let _ = written?;
            }
            match self.keep_alive.poll(cx)? {
                Poll::Ready(()) => _ = self.ping(),
                Poll::Pending => return read.map(Ok),
            }
            if read.is_ready() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.is_idle {
            self.pace.rest();
        }
        let read = &mut self.incoming.read;
        read.reserve(READ_BYTES);
        let mut room = read.limit(READ_BYTES);
        let got = pin!(self.stream.read_buf(&mut room)).poll(cx);
        self.is_idle = got.is_pending();
        if ready!(got).map_err(LinkError::broken)? == 0 {
            return Poll::Ready(Err(LinkError::Closed));
        }
        self.received = Instant::now();
        self.keep_alive.received();
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn log_stray(&self, id: u16, to: RequestKind) {
        if let Some(suppressed) = self.strays.count(self.began.elapsed()) {
            tracing::warn!(id, ?to, suppressed, "the broker answers a request that was not made");
        }
    }

    fn ended(&mut self, end: LinkError) -> Result<LinkEvent, LinkError> {
        if self.is_leaving {
            return Ok(LinkEvent::Disconnected);
        }
        if let Some(reason) = end.reason() {
            self.outgoing.disconnect(reason);
            // The reason goes to the broker if it can be sent at once.
            let mut cx = Context::from_waker(Waker::noop());
            let _ = self.outgoing.poll_write(&mut *self.stream, &mut cx);
        }
        Err(end)
    }
}

/// What is known of the broker as a store.
fn facts(version: Version, welcome: &Welcome, config: &Config) -> StoreFacts {
    StoreFacts {
        message_bytes: welcome.packet_bytes.min(config.packet_bytes) as usize,
        message_bytes_setting: "mqtt.packet_bytes, or the broker's own bound",
        is_able: welcome.is_store,
        refuses_wild_names: !version.takes_wild_names(),
        has_backlog: welcome.session_present,
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
