//! The values that settings of the table may have: their bounds, and the words among which there is a choice.

use super::address;
use super::kinds::{Choice, List, Number, SECONDS_MAX, Seconds, Several, Text, Urls, any, mqtt};
use floodway_core::index::Overflow;
use floodway_core::shard::{SHARDS_MAX, Writes};
use floodway_server::log::Format;
use floodway_sources::mqtt::{Protocol, Session, Subscribe};
use floodway_sources::nats::Capture;
use floodway_sources::postgres;

pub(super) const LIST: List = List { item: any, may_be_empty: false };
pub(super) const BROKERS: List = List { item: address::broker, may_be_empty: false };
pub(super) const NATS: List = List { item: address::nats, may_be_empty: true };
pub(super) const PROTOCOLS: List = List { item: alpn, may_be_empty: true };
pub(super) const ORIGINS: List = List { item: address::origin, may_be_empty: true };
pub(super) const DATABASES: Urls = Urls { item: address::database, schemes: &["postgres://", "postgresql://"] };
pub(super) const LISTEN: Text = Text(address::listen);
pub(super) const TEXT: Text = Text(any);
pub(super) const MQTT_TEXT: Text = Text(mqtt);
pub(super) const CHANNEL: Text = Text(|text| postgres::check_channel(text).map(|()| text.to_owned()));
pub(super) const TABLE: Text = Text(|text| postgres::check_table(text).map(|()| text.to_owned()));

/// A time that may be none at all.
pub(super) const PAUSE: Seconds = Seconds(0.0, SECONDS_MAX);
/// A time within which something has to happen; none at all would forbid it.
pub(super) const WITHIN: Seconds = Seconds(0.1, SECONDS_MAX);
/// MQTT counts the keep-alive in whole seconds, 16 bits (MQTT 5.0, 3.1.2.10).
pub(super) const KEEP_ALIVE: Seconds = Seconds(1.0, 65_535.0);
/// A clock difference that still lets a stream end within 5 s of its token's expiry.
pub(super) const LEEWAY: Seconds = Seconds(0.0, 5.0);

/// MQTT counts it in whole seconds (MQTT 5.0, 3.1.2.11.2).
pub(super) const SESSION_EXPIRY: Seconds = Seconds(1.0, SECONDS_MAX);

/// Less than a second would keep nothing for anybody.
pub(super) const STREAM_AGE: Seconds = Seconds(1.0, SECONDS_MAX);

/// Without a natural bound: it must be there, and fit everywhere.
pub(super) const COUNT: Number = Number(1, u32::MAX as u64);
pub(super) const COUNT_OR_NONE: Number = Number(0, u32::MAX as u64);
/// Up to 1 TiB.
pub(super) const BYTES_OR_NONE: Number = Number(0, 1 << 40);
pub(super) const SHARDS: Number = Number(1, SHARDS_MAX as u64);
/// Each is six series to whoever keeps them.
pub(super) const METRICS_TENANTS: Number = Number(0, 10_000);
/// Each is a client of the broker, and a part of one thread.
pub(super) const CONNECTIONS: Number = Number(1, 16);
pub(super) const QOS: Number = Number(0, 1);
/// From hyper's smallest buffer to where a request head is nothing but an attack.
pub(super) const HEADER_BYTES: Number = Number(8_192, 1 << 20);
/// Up to the largest packet there is (MQTT 5.0, 2.1.4).
pub(super) const PACKET_BYTES: Number = Number(1_024, 268_435_460);
/// Beyond a hundredth of a second it would be a delay, not a pause.
pub(super) const READ_PAUSE: Number = Number(0, 10_000);
/// More at once are no faster, and hold up live events.
pub(super) const PAGE_ROWS: Number = Number(1, 10_000);
/// A broker may send as many retained messages ahead as QoS 1 has packet ids (MQTT 5.0, 2.2.1).
pub(super) const GROUPS: Number = Number(0, 50_000);
pub(super) const TENANT_LIMITS: Number = Number(0, 10_000);
/// More often is of no use to a person; the longest is what other gateways believe, and a lost change is not too old.
pub(super) const FLEET: Seconds = Seconds(1.0, 3_600.0);
/// The payload's own braces and those of `metrics` are two.
pub(super) const DEPTH: Number = Number(2, 1_024);

pub(super) const PROTOCOL: Choice<Protocol> =
    Choice(&[("auto", Protocol::Auto), ("5", Protocol::V5), ("3.1.1", Protocol::V311)]);
pub(super) const CAPTURE: Choice<Capture> = Choice(&[("subjects", Capture::Subjects), ("mqtt", Capture::Mqtt)]);
pub(super) const SUBSCRIBE: Choice<Subscribe> = Choice(&[("on_demand", Subscribe::OnDemand), ("all", Subscribe::All)]);
pub(super) const SESSION: Choice<Session> = Choice(&[("clean", Session::Clean), ("persistent", Session::Persistent)]);
pub(super) const OVERFLOW: Choice<Overflow> = Choice(&Overflow::NAMED);
pub(super) const POLICIES: Several<Overflow> = Several(OVERFLOW);
pub(super) const WRITES: Choice<Writes> = Choice(&[("write", Writes::Write), ("io_uring", Writes::IoUring)]);
/// From twice the shortest time between two fetches on.
pub(super) const JWKS_REFRESH: Seconds = Seconds(10.0, 86_400.0);
pub(super) const FORMAT: Choice<Option<Format>> =
    Choice(&[("auto", None), ("text", Some(Format::Text)), ("json", Some(Format::Json))]);

/// From the largest message that NATS takes by default; a node of NATS holds no more than its disk.
pub(super) const STREAM_BYTES: Number = Number(1 << 20, 1 << 50);
pub(super) const BATCH_MESSAGES: Number = Number(1, 100_000);
pub(super) const BATCH_BYTES: Number = Number(65_536, 1 << 30);
/// A stream stands still for about five seconds while a leader is elected.
pub(super) const REPAIR: Seconds = Seconds(1.0, 300.0);

/// A stream's name is a part of subjects, and of the names of files.
pub(super) fn stream_name(text: &str) -> Result<String, String> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.bytes().all(is_known) && text.len() <= 200 {
        Ok(text.to_owned())
    } else {
        Err("expected the name of a stream: letters, digits, - and _".to_owned())
    }
}

/// RFC 7301, 3.1: a protocol's name has a length of one byte, and is hardly ever no text.
pub(super) fn alpn(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("expected names of protocols such as mqtt, each of 1 to 255 bytes".to_owned())
    }
}

/// RFC 6265, 4.1.1: a token of HTTP (RFC 9110, 5.6.2).
pub(super) fn cookie_name(text: &str) -> Result<String, String> {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.bytes().all(is_tchar) {
        Ok(text.to_owned())
    } else {
        Err("expected the name of a cookie, such as access_token".to_owned())
    }
}
