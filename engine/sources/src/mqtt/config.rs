//! Settings of the way in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::router::{BadTopics, Template, Topics, usual_template};
use crate::tls::Files;
use floodway_core::index::SourceNumber;
use floodway_protocol::names::TenantId;

/// Which tenants are subscribed at the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subscribe {
    /// A tenant's topics while it has subscribers, and the longer one of [`Config::linger`] and [`Config::keep`] after.
    #[default]
    OnDemand,
    /// One subscription for every tenant. Costs a parse for events that nobody wants.
    All,
}

/// Whether the broker keeps a session for the gateway while it is not connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// Each connection begins anew.
    #[default]
    Clean,
    /// The broker keeps subscriptions, and what is published with QoS 1 meanwhile. Of use only with [`Config::qos`] 1.
    Persistent,
}

/// Which version of MQTT is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// 5, and 3.1.1 with a broker that does not speak 5.
    #[default]
    Auto,
    /// 5 only.
    V5,
    /// 3.1.1 only.
    V311,
}

/// How the gateway reaches its broker.
#[derive(Clone)]
pub struct Config {
    /// `mqtt.url`: brokers, tried in turn, as `mqtt://host:port`, `mqtts://…`, `ws://host:port/path` or `wss://…`. Default:
    /// one, from `MQTT_HOST` and `MQTT_PORT`.
    pub urls: Vec<String>,
    /// `mqtt.protocol`. Default `auto`.
    pub protocol: Protocol,
    /// `mqtt.tls.ca`: a PEM file with the authorities that may vouch for brokers. Default: those of the system.
    pub ca: Option<PathBuf>,
    /// `mqtt.tls.cert`, `mqtt.tls.key`: the certificate that is shown to brokers. Default none.
    pub tls: Option<Files>,
    /// `mqtt.tls.alpn`: protocols that are offered to brokers (RFC 7301). Default none.
    pub alpn: Vec<String>,
    /// `mqtt.username`. Default none.
    pub username: Option<String>,
    /// `mqtt.password`. Default none. Never shown.
    pub password: Option<String>,
    /// `mqtt.client_id`: prefix of the client id, to which a random suffix is added; the client id itself where the
    /// session is persistent. Default `floodway`.
    pub client_id: String,
    /// `mqtt.session`. Default `clean`.
    pub session: Session,
    /// `mqtt.session_expiry_seconds`: how long the broker keeps a persistent session without a connection. Default 1 h.
    /// One of MQTT 3.1.1 is not told.
    pub session_expiry: Duration,
    /// `mqtt.subscribe`. Default `on_demand`.
    pub subscribe: Subscribe,
    /// `mqtt.topics`: the topics on which devices publish, of which the first that a message fits counts. Default
    /// `tenant/{tenant}/device/{device}/telemetry`.
    pub topics: Vec<Template>,
    /// `mqtt.tenant`: whose devices publish on topics without `{tenant}`. Default none.
    pub tenant: Option<TenantId>,
    /// `mqtt.connections`: tenants are split over so many connections, 1 to 16. Default 1, the only number that goes with
    /// [`Subscribe::All`].
    pub connections: u8,
    /// `mqtt.qos`: 0 or 1. Default 0: the gateway reads as fast as the socket gives, and a broker's in-flight window
    /// and queue for QoS 1 would drop a burst that TCP would have held. With a persistent session 1.
    pub qos: u8,
    /// `mqtt.linger_seconds`: how long a tenant stays subscribed after its last subscriber left, at least. Default 30 s.
    pub linger: Duration,
    /// How long events are kept for clients that come back: a tenant stays subscribed for as long. Default 60 s.
    pub keep: Duration,
    /// The number of this source in its gateway. No setting.
    pub source: SourceNumber,
    /// `mqtt.packet_bytes`: the largest packet, in bytes, announced to the broker, which then skips larger ones; those of
    /// one that does not, or speaks MQTT 3.1.1, are skipped here. Default 256 KiB.
    pub packet_bytes: u32,
    /// `mqtt.read_pause_microseconds`: between two wake-ups for messages that come fast. Default 250 µs, by which an event
    /// may then be later; one that comes alone is not. 0: none.
    pub read_pause_us: u32,
    /// `mqtt.keep_alive_seconds`: pause between two pings, shorter if the broker demands it. Default 15 s; a dead broker is
    /// noticed within 1.5 of it.
    pub keep_alive: Duration,
    /// `mqtt.connect_timeout_seconds`: for the name, TCP, TLS, the WebSocket and CONNACK together, of each version that is
    /// tried. Default 5 s.
    pub connect_timeout: Duration,
    /// `mqtt.backoff_max_seconds`: the longest pause between two attempts (they start at 100 ms, double, and are
    /// jittered). Default 10 s.
    pub backoff_max: Duration,
    /// `mqtt.subscribe_timeout_seconds`: how long a new stream waits for its tenant's SUBACK. Default 5 s.
    pub subscribe_timeout: Duration,
}

impl Config {
    /// The topics of [`Config::topics`] and [`Config::tenant`].
    ///
    /// # Errors
    /// If they can't stand together.
    pub fn topics(&self) -> Result<Topics, BadTopics> {
        Topics::new(&self.topics, self.tenant.as_ref())
    }
}

/// Without the password, and without those that may stand in URLs.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("protocol", &self.protocol)
            .field("subscribe", &self.subscribe)
            .field("session", &self.session)
            .field("qos", &self.qos)
            .field("linger", &self.linger)
            .field("packet_bytes", &self.packet_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            urls: vec!["mqtt://localhost:1883".to_owned()],
            protocol: Protocol::Auto,
            ca: None,
            tls: None,
            alpn: Vec::new(),
            username: None,
            password: None,
            client_id: "floodway".to_owned(),
            session: Session::Clean,
            session_expiry: Duration::from_secs(3600),
            subscribe: Subscribe::OnDemand,
            topics: vec![usual_template()],
            tenant: None,
            connections: 1,
            qos: 0,
            linger: Duration::from_secs(30),
            keep: Duration::from_secs(60),
            source: SourceNumber::default(),
            packet_bytes: 256 * 1024,
            read_pause_us: 250,
            keep_alive: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            backoff_max: Duration::from_secs(10),
            subscribe_timeout: Duration::from_secs(5),
        }
    }
}
