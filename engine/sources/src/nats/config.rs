//! Settings of the way in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::tls::Files;

/// What a stream that the gateway makes takes up. One that exists is used as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// What is published on the subjects of telemetry. NATS may acknowledge to an MQTT device what no stream took while
    /// leaders are elected.
    #[default]
    Subjects,
    /// What NATS's own MQTT store holds: whatever an MQTT device of QoS 1 saw acknowledged. Needs NATS 2.14.
    Mqtt,
}

/// How the gateway reaches NATS, and which stream of JetStream it reads.
#[derive(Clone)]
pub struct Config {
    /// `nats.url`: servers, tried in turn, as `nats://host:port`, or `tls://host:port`. Default none: JetStream is off.
    pub urls: Vec<String>,
    /// `nats.username`. Default none.
    pub username: Option<String>,
    /// `nats.password`. Default none. Never shown.
    pub password: Option<String>,
    /// `nats.token`: instead of a user name and a password. Default none. Never shown.
    pub token: Option<String>,
    /// `nats.tls.ca`: PEM file with the authorities that may vouch for servers. Default none: the system's.
    pub ca: Option<PathBuf>,
    /// `nats.tls.cert` and `nats.tls.key`: shown to servers that ask for a certificate. Default none.
    pub tls: Option<Files>,
    /// `nats.stream`: the stream that is read. Default `floodway`.
    pub stream: String,
    /// The templates of topics that are telemetry, those of `mqtt.topics`. Default `tenant/{tenant}/device/{device}/telemetry`.
    pub topics: Vec<String>,
    /// Whose the events are where a template names no tenant: `mqtt.tenant`. Default none.
    pub tenant: Option<String>,
    /// `nats.capture`: what the stream takes up, if it has to be made. Default `subjects`.
    pub capture: Capture,
    /// `nats.max_age_seconds`: how long the stream keeps messages, if it has to be made. Default 1 h.
    pub max_age: Duration,
    /// `nats.max_bytes`: how many bytes of them on each node, if it has to be made. Default 1 GiB.
    pub max_bytes: u64,
    /// `nats.connect_timeout_seconds`: for the name, TCP, TLS and the login together. Default 5 s.
    pub connect_timeout: Duration,
    /// `nats.request_timeout_seconds`: for each answer of JetStream. Default 3 s.
    pub request_timeout: Duration,
    /// `nats.repair_seconds`: how long a connection or a consumer that was lost is mended before streams are told that the
    /// source is down. Default 10 s: without its leader a stream stands still for about 5.
    pub repair: Duration,
    /// `nats.backoff_max_seconds`: the longest pause between two attempts to connect. Default 10 s.
    pub backoff_max: Duration,
    /// `nats.batch_messages`: messages that are asked for ahead. Default 1000.
    pub batch_messages: usize,
    /// `nats.batch_bytes`: bytes that are asked for ahead; the largest message of the server fits in any case. Default 4 MiB.
    pub batch_bytes: usize,
}

/// Without the secrets, and without those that may stand in URLs.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("stream", &self.stream)
            .field("capture", &self.capture)
            .field("max_age", &self.max_age)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            username: None,
            password: None,
            token: None,
            ca: None,
            tls: None,
            stream: "floodway".to_owned(),
            topics: vec!["tenant/{tenant}/device/{device}/telemetry".to_owned()],
            tenant: None,
            capture: Capture::Subjects,
            max_age: Duration::from_secs(3600),
            max_bytes: 1 << 30,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(3),
            repair: Duration::from_secs(10),
            backoff_max: Duration::from_secs(10),
            batch_messages: 1000,
            batch_bytes: 4 << 20,
        }
    }
}
