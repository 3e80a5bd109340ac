//! One connection to one broker: the only place that knows how rumqttc is to be handled.
//!
//! Invariant: a link is used for one connection and dropped with it, so nothing that was pending on one is sent on the
//! next. [`Link::next`] must be polled to its end: rumqttc's event loop does not survive being cancelled in between.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant};

use rumqttc::NetworkOptions;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    RetainForwardRule, SubscribeReasonCode, UnsubAckReason,
};
use rumqttc::v5::{AsyncClient, ClientError, ConnectionError, Event, EventLoop, MqttOptions};

use super::broker::Broker;
use super::config::Config;
use super::pace::Pace;
use super::state::Attempt;
use super::subscriptions::{Answer, Request};
use crate::control::{self, Facts};

/// Packet ids that rumqttc may use. Its table for them takes 13.8 MB at its own default of 65,535; requests need one id
/// at a time, publishing included.
const PACKET_IDS: u16 = 16;

/// Messages of QoS 1 that the broker may send ahead of their acknowledgement (Receive Maximum, MQTT 5.0, 3.1.2.11.3):
/// all that there can be. Mosquitto 2.0 drops what of the retained messages of a subscription is neither among these nor
/// among the 1,000 that it queues: of 5,000 control documents, 2,024 came with 1,024 here.
const RECEIVE_MAX: u16 = u16::MAX;

/// The shortest keep alive that rumqttc takes.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(5);

/// Requests that wait for the event loop: one that is under way, the farewell to the fleet, and the DISCONNECT.
const REQUESTS: usize = 3;

/// Why there is no link (any more).
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0}")]
    Mqtt(#[from] Box<ConnectionError>),
    #[error("a request could not be sent: {0}")]
    Request(#[from] Box<ClientError>),
    #[error("a request was left unanswered")]
    Unanswered,
}

impl LinkError {
    /// What the attempt comes to that ended so.
    pub(super) fn result(&self) -> Attempt {
        match self {
            Self::Timeout(_) => Attempt::Timeout,
            Self::Mqtt(error) => match **error {
                ConnectionError::ConnectionRefused(_) => Attempt::Refused,
                ConnectionError::Io(_) => Attempt::Unreachable,
                _ => Attempt::Failed,
            },
            Self::Request(_) | Self::Unanswered => Attempt::Failed,
        }
    }

    /// Whether the broker may have refused us for our last will, which says nothing else than that we are gone.
    pub(super) fn may_be_for_the_will(&self) -> bool {
        use ConnectReturnCode::{
            ImplementationSpecificError, NotAuthorized, QoSNotSupported, RetainNotSupported,
            TopicNameInvalid,
        };
        let Self::Mqtt(error) = self else {
            return false;
        };
        matches!(
            **error,
            ConnectionError::ConnectionRefused(
                NotAuthorized
                    | RetainNotSupported
                    | QoSNotSupported
                    | TopicNameInvalid
                    | ImplementationSpecificError
            )
        )
    }
}

/// What has happened on a link.
#[derive(Debug)]
pub(super) enum Happened {
    /// A message has come.
    Published(Publish),
    /// A request went out with this packet id.
    Sent(u16),
    /// A request was answered, one answer for each filter.
    Answered(u16, Vec<Answer>),
    /// The DISCONNECT went out.
    Disconnected,
    /// Nothing that concerns anybody.
    Nothing,
}

/// The receiving side.
pub(super) struct Link {
    events: EventLoop,
    pace: Pace,
    /// When that was read which happens now.
    received: Instant,
}

/// The asking side. Never waits.
pub(super) struct Requests {
    client: AsyncClient,
    qos: QoS,
}

impl Link {
    /// Connects to `broker` and waits for its CONNACK. With a `will`, the broker publishes an empty retained message
    /// there when it loses us.
    pub(super) async fn connect(
        config: &Config,
        broker: &Broker,
        id: &str,
        will: Option<String>,
    ) -> Result<(Self, Requests, Facts), LinkError> {
        let mut options = options(config, broker, id);
        if let Some(topic) = will {
            options.set_last_will(LastWill::new(topic, "", QoS::AtMostOnce, true, None));
        }
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        let first = tokio::time::timeout(config.connect_timeout, events.poll());
        let first = first
            .await
            .map_err(|_| LinkError::Timeout(config.connect_timeout))?
            .map_err(Box::new)?;
        // A broker that announces a keep alive of 0 wants none; rumqttc would ping without a pause.
        if events.options.keep_alive() < KEEP_ALIVE_MIN {
            events
                .options
                .set_keep_alive(config.keep_alive.max(KEEP_ALIVE_MIN));
        }
        let qos = if config.qos == 0 {
            QoS::AtMostOnce
        } else {
            QoS::AtLeastOnce
        };
        let pace = Pace::new(Duration::from_micros(config.read_pause_us.into()));
        let facts = facts(&first, config);
        let link = Self {
            events,
            pace,
            received: Instant::now(),
        };
        Ok((link, Requests { client, qos }, facts))
    }

    /// What has happened already, the oldest first. To be asked before [`Link::next`]: it costs nothing, and of messages
    /// that came together only the first is worth looking at everything else for.
    pub(super) fn happened(&mut self) -> Option<Happened> {
        self.events.state.events.pop_front().map(happened)
    }

    /// When that was read which was given last. The clock is read once for the messages, some ten at
    /// most, that rumqttc takes out of the connection's buffer together; before that they wait in there, or in the
    /// kernel, unseen.
    pub(super) fn received(&self) -> Instant {
        self.received
    }

    /// Waits for what happens next. After an error the link is of no more use.
    pub(super) async fn next(&mut self) -> Result<Happened, LinkError> {
        let mut polled = pin!(self.events.poll());
        let mut is_woken = false;
        let event = poll_fn(|cx| {
            if std::mem::replace(&mut is_woken, true) {
                self.pace.rest();
            }
            polled.as_mut().poll(cx)
        });
        let event = event.await.map_err(Box::new)?;
        self.received = Instant::now();
        Ok(happened(event))
    }
}

fn happened(event: Event) -> Happened {
    match event {
        Event::Incoming(Packet::Publish(publish)) => Happened::Published(publish),
        Event::Incoming(Packet::SubAck(ack)) => Happened::Answered(
            ack.pkid,
            ack.return_codes.into_iter().map(granted).collect(),
        ),
        Event::Incoming(Packet::UnsubAck(ack)) => {
            Happened::Answered(ack.pkid, ack.reasons.into_iter().map(removed).collect())
        }
        Event::Incoming(Packet::PubAck(ack)) => {
            Happened::Answered(ack.pkid, vec![taken(ack.reason)])
        }
        Event::Outgoing(Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id)) => Happened::Sent(id),
        // QoS 0 has no id, and no answer.
        Event::Outgoing(Outgoing::Publish(id)) if id != 0 => Happened::Sent(id),
        Event::Outgoing(Outgoing::Disconnect) => Happened::Disconnected,
        _ => Happened::Nothing,
    }
}

impl Requests {
    /// Hands `request` to the event loop.
    pub(super) fn send(&self, request: Request) -> Result<(), LinkError> {
        let sent = match request {
            Request::Subscribe(filters) => self
                .client
                .try_subscribe_many(filters.into_iter().map(|filter| self.filter(filter))),
            Request::Unsubscribe(filter) => self.client.try_unsubscribe(filter),
            Request::Control(control::Request::Follow(filter)) => {
                self.client.try_subscribe_many([following(filter)])
            }
            Request::Control(control::Request::Publish {
                topic,
                payload,
                retain,
                expiry,
            }) => {
                let properties = PublishProperties {
                    message_expiry_interval: expiry,
                    ..PublishProperties::default()
                };
                self.client.try_publish_with_properties(
                    topic,
                    QoS::AtLeastOnce,
                    retain,
                    payload,
                    properties,
                )
            }
        };
        Ok(sent.map_err(Box::new)?)
    }

    /// Deletes the retained message of `topic`, without an answer.
    pub(super) fn clear(&self, topic: String) -> Result<(), LinkError> {
        let sent = self.client.try_publish(topic, QoS::AtMostOnce, true, "");
        Ok(sent.map_err(Box::new)?)
    }

    /// Says goodbye to the broker (MQTT 5.0, 3.14).
    pub(super) fn disconnect(&self) -> Result<(), LinkError> {
        Ok(self.client.try_disconnect().map_err(Box::new)?)
    }

    /// Live events only: a retained one is old, and would come again with each subscription.
    fn filter(&self, path: String) -> Filter {
        Filter {
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::new(path, self.qos)
        }
    }
}

fn options(config: &Config, broker: &Broker, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, broker.host(), broker.port());
    options
        .set_clean_start(true)
        .set_keep_alive(config.keep_alive.max(KEEP_ALIVE_MIN))
        // Ours is the exact one; rumqttc's counts whole seconds and must not come first.
        .set_connection_timeout(config.connect_timeout.as_secs() + 1)
        // rumqttc's own limit is 10 KiB, and anything larger ends the connection. Announced, the broker skips what is
        // larger and sends the next.
        .set_max_packet_size(Some(config.packet_bytes))
        .set_receive_maximum(Some(RECEIVE_MAX))
        .set_outgoing_inflight_upper_limit(PACKET_IDS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let configured = config
        .username
        .as_deref()
        .map(|user| (user, config.password.as_deref().unwrap_or_default()));
    if let Some((user, password)) = broker.login().or(configured) {
        options.set_credentials(user, password);
    }
    options
}

/// Everything that is retained, first; then what comes, with the flag that it was published with (MQTT 5.0, 3.8.3.1).
fn following(filter: &str) -> Filter {
    Filter {
        preserve_retain: true,
        retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        ..Filter::new(filter, QoS::AtLeastOnce)
    }
}

/// What the CONNACK tells; what it does not is without a bound (MQTT 5.0, 3.2.2.3).
fn facts(first: &Event, config: &Config) -> Facts {
    let told = match first {
        Event::Incoming(Packet::ConnAck(ConnAck { properties, .. })) => properties.as_ref(),
        _ => None,
    };
    let theirs = told.and_then(|told| told.max_packet_size);
    let packet_bytes = theirs.unwrap_or(u32::MAX).min(config.packet_bytes);
    let is_zero = |flag: Option<u8>| flag == Some(0);
    Facts {
        packet_bytes: packet_bytes as usize,
        is_able: told.is_none_or(|told| !is_zero(told.retain_available) && !is_zero(told.max_qos)),
    }
}

fn taken(reason: PubAckReason) -> Answer {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
        refused => Err(format!("{refused:?}")),
    }
}

fn granted(code: SubscribeReasonCode) -> Answer {
    match code {
        SubscribeReasonCode::Success(_) => Ok(()),
        refused => Err(format!("{refused:?}")),
    }
}

fn removed(reason: UnsubAckReason) -> Answer {
    match reason {
        UnsubAckReason::Success => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
