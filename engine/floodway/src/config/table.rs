//! Every setting, once: its key, environment variable, help, and how it is read and shown.
//!
//! Invariant: keys, environment variables and flags are unique, and every field of [`Config`](super::Config) has its
//! setting here. The file's keys, the flags, and what `floodway check` prints all come from this table, so that a new setting is
//! a field of its part's `Config` and a line here.

use std::path::PathBuf;

use super::address;
use super::kinds::{File, Kind, Parsed, ParsedList, Raw, Store, Switch, Tenant, Text};
use super::setting::{FILE_SUFFIX, Setting};
use super::values::{
    BATCH_BYTES, BATCH_MESSAGES, BROKERS, BYTES_OR_NONE, CAPTURE, CHANNEL, CONNECTIONS, COUNT, COUNT_OR_NONE,
    DATABASES, DEPTH, FLEET, FORMAT, GROUPS, HEADER_BYTES, JWKS_REFRESH, KEEP_ALIVE, LEEWAY, LIST, LISTEN,
    METRICS_TENANTS, MQTT_TEXT, NATS, ORIGINS, OVERFLOW, PACKET_BYTES, PAGE_ROWS, PAUSE, POLICIES, PROTOCOL, PROTOCOLS,
    QOS, READ_PAUSE, REPAIR, SESSION, SESSION_EXPIRY, SHARDS, STREAM_AGE, STREAM_BYTES, SUBSCRIBE, TABLE,
    TENANT_LIMITS, TEXT, WITHIN, WRITES, cookie_name, stream_name,
};
use floodway_server::log;
use floodway_server::tls::Files;

/// Finds the setting of which a file with this key holds the value.
pub(super) fn find_filed(key: &str) -> Option<usize> {
    let index = find(key.strip_suffix(FILE_SUFFIX)?)?;
    SETTINGS[index].filed.then_some(index)
}

/// Finds the setting with this key.
pub(crate) fn find(key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.key == key)
}

macro_rules! setting {
    (secret $($setting:tt)+) => {
        Setting { secret: true, ..setting!(filed $($setting)+) }
    };
    (filed $($setting:tt)+) => {
        Setting { filed: true, ..setting!($($setting)+) }
    };
    // One of the two files of a listener's or a client's TLS. The other may not be known yet: the checks see to it.
    (tls $key:literal, $env:literal, $listener:ident.$field:ident, $help:literal) => {
        setting!(@ $key, $env, $help,
            |config, raw| set_tls_file(&mut config.$listener.tls, raw, |tls| &mut tls.$field),
            |config| File.show(&config.$listener.tls.as_ref().map(|tls| tls.$field.clone())))
    };
    ($key:literal, $env:literal, $($field:ident).+, $kind:expr, $help:literal) => {
        setting!(@ $key, $env, $help,
            |config, raw| $kind.read(raw).map(|value| config.$($field).+ = value),
            |config| $kind.show(&config.$($field).+))
    };
    (@ $key:literal, $env:literal, $help:literal, $set:expr, $shown:expr) => {
        Setting { key: $key, env: $env, secret: false, filed: false, help: $help, set: $set, shown: $shown }
    };
}

fn set_tls_file(files: &mut Option<Files>, raw: Raw<'_>, field: fn(&mut Files) -> &mut PathBuf) -> Result<(), String> {
    let path: Option<PathBuf> = File.read(raw)?;
    let tls = files.get_or_insert_with(|| Files { cert: PathBuf::new(), key: PathBuf::new() });
    *field(tls) = path.unwrap_or_default();
    if tls.cert.as_os_str().is_empty() && tls.key.as_os_str().is_empty() {
        *files = None;
    }
    Ok(())
}

/// All settings, in the order of the event's way.
#[rustfmt::skip]
pub(crate) static SETTINGS: &[Setting] = &[
    setting!("http.listen", "FLOODWAY_LISTEN", http.listen, LISTEN,
        "Address and port of the public listener"),
    setting!(tls "http.tls.cert", "FLOODWAY_TLS_CERT", http.cert,
        "PEM file with the certificate chain; with it the public listener speaks TLS"),
    setting!(tls "http.tls.key", "FLOODWAY_TLS_KEY", http.key,
        "PEM file with the certificate's private key"),
    setting!("http.allowed_origins", "FLOODWAY_ALLOWED_ORIGINS", http.allowed_origins, ORIGINS,
        "Origins of web pages that may connect besides the same origin; * for any"),
    setting!("http.live_page", "FLOODWAY_LIVE_PAGE", http.live_page, Switch,
        "Serves the page that shows streams in a browser at / of the public listener; a token is needed as ever"),
    setting!("http.header_bytes", "FLOODWAY_HTTP_HEADER_BYTES", http.header_bytes, HEADER_BYTES,
        "Largest request head; beyond it 431"),
    setting!("http.header_timeout_seconds", "FLOODWAY_HTTP_HEADER_TIMEOUT_SECONDS", http.header_timeout, WITHIN,
        "Time for the TLS handshake and the request head, and for an idle connection"),
    setting!("http.pending", "FLOODWAY_HTTP_PENDING", http.pending, COUNT,
        "Connections that are not streams yet; further ones wait"),
    setting!("http.retry_after_seconds", "FLOODWAY_HTTP_RETRY_AFTER_SECONDS", http.retry_after, PAUSE,
        "When refused clients are told to come back"),
    setting!("http.drain_seconds", "FLOODWAY_HTTP_DRAIN_SECONDS", http.drain, PAUSE,
        "Longest drain; what is not flushed then is cut"),
    setting!("http.drain_spread_seconds", "FLOODWAY_HTTP_DRAIN_SPREAD_SECONDS", http.drain_spread, PAUSE,
        "Time over which drained clients come back"),

    setting!("admin.listen", "FLOODWAY_ADMIN_LISTEN", admin.listen, LISTEN,
        "Address and port of the private listener: gRPC, metrics, the operator's page"),
    setting!(secret "admin.token", "FLOODWAY_ADMIN_TOKEN", admin.token, TEXT,
        "Bearer token of the private listener; if other machines reach it, this or admin.tls.client_ca is needed"),
    setting!(secret "admin.read_token", "FLOODWAY_ADMIN_READ_TOKEN", admin.read_token, TEXT,
        "Bearer token for those who may look and change nothing; only beside admin.token"),
    setting!(tls "admin.tls.cert", "FLOODWAY_ADMIN_TLS_CERT", admin.cert,
        "PEM file with the certificate chain; with it the private listener speaks TLS"),
    setting!(tls "admin.tls.key", "FLOODWAY_ADMIN_TLS_KEY", admin.key,
        "PEM file with the certificate's private key"),
    setting!("admin.tls.client_ca", "FLOODWAY_ADMIN_TLS_CLIENT_CA", admin.client_ca, File,
        "PEM file with authorities one of which must vouch for a client's certificate; tokens that are set stay needed"),
    setting!("admin.metrics_tenants", "FLOODWAY_ADMIN_METRICS_TENANTS", admin.metrics_tenants, METRICS_TENANTS,
        "Tenants that /metrics/tenants names, the busiest; the others are summed"),

    setting!("mqtt.url", "MQTT_URL", mqtt.urls, BROKERS,
        "Brokers, tried in turn, as mqtt://, mqtts://, ws:// or wss://host:port; default from MQTT_HOST and MQTT_PORT"),
    setting!("mqtt.protocol", "FLOODWAY_MQTT_PROTOCOL", mqtt.protocol, PROTOCOL,
        "Version of MQTT: auto (5, then 3.1.1), 5, or 3.1.1"),
    setting!("mqtt.tls.ca", "FLOODWAY_MQTT_TLS_CA", mqtt.ca, File,
        "PEM file with the authorities that may vouch for a broker's certificate; default the system's"),
    setting!(tls "mqtt.tls.cert", "FLOODWAY_MQTT_TLS_CERT", mqtt.cert,
        "PEM file with the certificate that is shown to a broker which asks for one"),
    setting!(tls "mqtt.tls.key", "FLOODWAY_MQTT_TLS_KEY", mqtt.key,
        "PEM file with that certificate's private key"),
    setting!("mqtt.tls.alpn", "FLOODWAY_MQTT_TLS_ALPN", mqtt.alpn, PROTOCOLS,
        "Protocols that are offered to brokers (ALPN), such as mqtt or x-amzn-mqtt-ca; default none"),
    setting!(filed "mqtt.username", "MQTT_USERNAME", mqtt.username, MQTT_TEXT,
        "User name at the broker"),
    setting!(secret "mqtt.password", "MQTT_PASSWORD", mqtt.password, MQTT_TEXT,
        "Password at the broker"),
    setting!("mqtt.client_id", "FLOODWAY_MQTT_CLIENT_ID", mqtt.client_id, MQTT_TEXT,
        "Prefix of the client id; a random suffix is added. With mqtt.session persistent the client id itself"),
    setting!("mqtt.session", "FLOODWAY_MQTT_SESSION", mqtt.session, SESSION,
        "persistent: the broker keeps what is published with QoS 1 while the gateway is away; needs mqtt.client_id"),
    setting!("mqtt.session_expiry_seconds", "FLOODWAY_MQTT_SESSION_EXPIRY_SECONDS", mqtt.session_expiry, SESSION_EXPIRY,
        "How long the broker keeps a persistent session without a connection"),
    setting!("mqtt.subscribe", "FLOODWAY_MQTT_SUBSCRIBE", mqtt.subscribe, SUBSCRIBE,
        "on_demand: each tenant while it has subscribers; all: every tenant at once"),
    setting!("mqtt.topics", "FLOODWAY_MQTT_TOPICS", mqtt.topics, ParsedList,
        "Where devices publish: topics with {tenant}, {device}, {metric}, and + for other levels; the first that fits counts"),
    setting!("mqtt.tenant", "FLOODWAY_MQTT_TENANT", mqtt.tenant, Tenant,
        "Whose devices publish on topics of mqtt.topics without {tenant}"),
    setting!("mqtt.connections", "FLOODWAY_MQTT_CONNECTIONS", mqtt.connections, CONNECTIONS,
        "Connections over which tenants are split; 1 with mqtt.subscribe all"),
    setting!("mqtt.qos", "FLOODWAY_MQTT_QOS", mqtt.qos, QOS,
        "QoS of the subscriptions; 1 with mqtt.session persistent"),
    setting!("mqtt.linger_seconds", "FLOODWAY_MQTT_LINGER_SECONDS", mqtt.linger, PAUSE,
        "How long a tenant stays subscribed, at least, after its last subscriber left"),
    setting!("mqtt.packet_bytes", "FLOODWAY_MQTT_PACKET_BYTES", mqtt.packet_bytes, PACKET_BYTES,
        "Largest packet that is taken from the broker"),
    setting!("mqtt.read_pause_microseconds", "FLOODWAY_MQTT_READ_PAUSE_MICROSECONDS", mqtt.read_pause_us, READ_PAUSE,
        "Between two wake-ups for messages that come fast; 0: none"),
    setting!("mqtt.keep_alive_seconds", "FLOODWAY_MQTT_KEEP_ALIVE_SECONDS", mqtt.keep_alive, KEEP_ALIVE,
        "Keep-alive; a dead broker is noticed within 1.5 of it"),
    setting!("mqtt.connect_timeout_seconds", "FLOODWAY_MQTT_CONNECT_TIMEOUT_SECONDS", mqtt.connect_timeout, WITHIN,
        "Time for the broker's name, TCP, TLS, the WebSocket and CONNACK together"),
    setting!("mqtt.backoff_max_seconds", "FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", mqtt.backoff_max, WITHIN,
        "Longest pause between two attempts to connect"),
    setting!("mqtt.subscribe_timeout_seconds", "FLOODWAY_MQTT_SUBSCRIBE_TIMEOUT_SECONDS", mqtt.subscribe_timeout, WITHIN,
        "How long a new stream waits for its tenant's SUBACK"),

    setting!("nats.url", "FLOODWAY_NATS_URL", nats.urls, NATS,
        "Servers of NATS JetStream, tried in turn, as nats://host:port or tls://host:port; empty: JetStream is off"),
    setting!(filed "nats.username", "FLOODWAY_NATS_USERNAME", nats.username, TEXT,
        "User name at NATS"),
    setting!(secret "nats.password", "FLOODWAY_NATS_PASSWORD", nats.password, TEXT,
        "Password at NATS"),
    setting!(secret "nats.token", "FLOODWAY_NATS_TOKEN", nats.token, TEXT,
        "Token at NATS, instead of a user name and a password"),
    setting!("nats.tls.ca", "FLOODWAY_NATS_TLS_CA", nats.ca, File,
        "PEM file with authorities one of which must vouch for NATS; default the system's"),
    setting!(tls "nats.tls.cert", "FLOODWAY_NATS_TLS_CERT", nats.cert,
        "PEM file with the certificate chain for a NATS server that asks for one"),
    setting!(tls "nats.tls.key", "FLOODWAY_NATS_TLS_KEY", nats.key,
        "PEM file with that certificate's private key"),
    setting!("nats.stream", "FLOODWAY_NATS_STREAM", nats.stream, Text(stream_name),
        "Stream of JetStream that is read; it is made if there is none"),
    setting!("nats.capture", "FLOODWAY_NATS_CAPTURE", nats.capture, CAPTURE,
        "What a stream that is made takes up: subjects, or mqtt: all that NATS acknowledged to MQTT devices of QoS 1"),
    setting!("nats.max_age_seconds", "FLOODWAY_NATS_MAX_AGE_SECONDS", nats.max_age, STREAM_AGE,
        "How long a stream that is made keeps messages"),
    setting!("nats.max_bytes", "FLOODWAY_NATS_MAX_BYTES", nats.max_bytes, STREAM_BYTES,
        "How many bytes a stream that is made keeps, on each of its nodes"),
    setting!("nats.connect_timeout_seconds", "FLOODWAY_NATS_CONNECT_TIMEOUT_SECONDS", nats.connect_timeout, WITHIN,
        "Time for TCP, TLS and the login at NATS together"),
    setting!("nats.request_timeout_seconds", "FLOODWAY_NATS_REQUEST_TIMEOUT_SECONDS", nats.request_timeout, WITHIN,
        "Time for each answer of JetStream"),
    setting!("nats.repair_seconds", "FLOODWAY_NATS_REPAIR_SECONDS", nats.repair, REPAIR,
        "How long a connection or a consumer that was lost is mended before streams hear of it"),
    setting!("nats.backoff_max_seconds", "FLOODWAY_NATS_BACKOFF_MAX_SECONDS", nats.backoff_max, WITHIN,
        "Longest pause between two attempts to connect to NATS"),
    setting!("nats.batch_messages", "FLOODWAY_NATS_BATCH_MESSAGES", nats.batch_messages, BATCH_MESSAGES,
        "Messages that JetStream is asked for ahead"),
    setting!("nats.batch_bytes", "FLOODWAY_NATS_BATCH_BYTES", nats.batch_bytes, BATCH_BYTES,
        "Bytes that JetStream is asked for ahead; two of its largest messages are taken in any case"),

    setting!(filed "postgres.url", "FLOODWAY_POSTGRES_URL", postgres.urls, DATABASES,
        "PostgreSQL servers, tried in turn, as postgres://user@host:5432/database?sslmode=verify-full; empty: no such source"),
    setting!("postgres.channel", "FLOODWAY_POSTGRES_CHANNEL", postgres.channel, CHANNEL,
        "Channel that is listened to, as written"),
    setting!("postgres.table", "FLOODWAY_POSTGRES_TABLE", postgres.table, TABLE,
        "Table of events (or schema.table) whose ids notifications name; empty: notifications carry the events"),
    setting!(filed "postgres.username", "FLOODWAY_POSTGRES_USERNAME", postgres.username, TEXT,
        "User name at the database, where the URL has none"),
    setting!(secret "postgres.password", "FLOODWAY_POSTGRES_PASSWORD", postgres.password, TEXT,
        "Password at the database, where the URL has none"),
    setting!("postgres.tls.ca", "FLOODWAY_POSTGRES_TLS_CA", postgres.ca, File,
        "PEM file with authorities one of which must vouch for the database's certificate; with it TLS is demanded"),
    setting!(tls "postgres.tls.cert", "FLOODWAY_POSTGRES_TLS_CERT", postgres.cert,
        "PEM file with the certificate chain that a database gets that wants one"),
    setting!(tls "postgres.tls.key", "FLOODWAY_POSTGRES_TLS_KEY", postgres.key,
        "PEM file with the certificate's private key"),
    setting!("postgres.page_rows", "FLOODWAY_POSTGRES_PAGE_ROWS", postgres.page_rows, PAGE_ROWS,
        "Rows that are read at once"),
    setting!("postgres.read_pause_microseconds", "FLOODWAY_POSTGRES_READ_PAUSE_MICROSECONDS", postgres.read_pause_us, READ_PAUSE,
        "Between two reads of the table while notifications come fast; 0: none"),
    setting!("postgres.keep_alive_seconds", "FLOODWAY_POSTGRES_KEEP_ALIVE_SECONDS", postgres.keep_alive, KEEP_ALIVE,
        "Silence after which the database is asked for a sign of life; a dead one is noticed within twice of it"),
    setting!("postgres.connect_timeout_seconds", "FLOODWAY_POSTGRES_CONNECT_TIMEOUT_SECONDS", postgres.connect_timeout, WITHIN,
        "Time until the channel is listened to and the table can be read"),
    setting!("postgres.backoff_max_seconds", "FLOODWAY_POSTGRES_BACKOFF_MAX_SECONDS", postgres.backoff_max, WITHIN,
        "Longest pause between two attempts to connect"),

    setting!("control.store", "FLOODWAY_CONTROL_STORE", control.file, Store,
        "Where limits and groups are kept: file:PATH for a gateway that stands alone; empty: at the first source"),
    setting!("control.file_bytes", "FLOODWAY_CONTROL_FILE_BYTES", control.file_bytes, COUNT,
        "Largest file of control.store, in bytes; a larger one is refused"),
    setting!("control.groups", "FLOODWAY_CONTROL_GROUPS", control.groups, GROUPS,
        "Groups of all tenants together; further ones are refused"),
    setting!("control.group_devices", "FLOODWAY_CONTROL_GROUP_DEVICES", control.group_devices, COUNT,
        "Devices of one group"),
    setting!("control.tenant_limits", "FLOODWAY_CONTROL_TENANT_LIMITS", control.tenant_limits, TENANT_LIMITS,
        "Tenants that have limits of their own; further ones are refused"),
    setting!("control.bytes", "FLOODWAY_CONTROL_BYTES", control.bytes, COUNT,
        "Names in all limits and groups together, in bytes"),
    setting!("control.write_timeout_seconds", "FLOODWAY_CONTROL_WRITE_TIMEOUT_SECONDS", control.write_timeout, WITHIN,
        "Until a change of limits or groups that their store did not confirm fails"),
    setting!("control.fleet_seconds", "FLOODWAY_CONTROL_FLEET_SECONDS", control.fleet, FLEET,
        "How often other gateways are told how this one does, if that has changed"),
    setting!("control.reread_seconds", "FLOODWAY_CONTROL_REREAD_SECONDS", control.reread, FLEET,
        "How often limits and groups in a table are looked at for changes of which no notification told"),
    setting!("control.fleet_members", "FLOODWAY_CONTROL_FLEET_MEMBERS", control.fleet_members, COUNT_OR_NONE,
        "Other gateways that are kept"),

    setting!("event.payload_bytes", "FLOODWAY_EVENT_PAYLOAD_BYTES", event.payload_bytes, COUNT,
        "Largest telemetry message; larger ones are dropped and counted"),
    setting!("event.depth", "FLOODWAY_EVENT_DEPTH", event.depth, DEPTH,
        "Objects and arrays inside one another in a telemetry message"),
    setting!("event.samples", "FLOODWAY_EVENT_SAMPLES", event.samples, COUNT,
        "Samples of one telemetry message that is an array, an event each"),
    setting!("event.metrics", "FLOODWAY_EVENT_METRICS", event.metrics, COUNT,
        "Metrics of one telemetry message, or of one of its samples"),

    setting!("payload.metrics", "FLOODWAY_PAYLOAD_METRICS", event.metrics_at, Parsed,
        "Where the metrics stand in a payload, such as data.values; . for the object itself, of which all but the timestamp are metrics"),
    setting!("payload.timestamp", "FLOODWAY_PAYLOAD_TIMESTAMP", event.timestamp_at, Parsed,
        "Where the timestamp stands in a payload"),

    setting!(secret "auth.hs256_secret", "FLOODWAY_JWT_SECRET", auth.hs256_secret, TEXT,
        "Secret of tokens signed with HS256"),
    setting!("auth.public_key", "FLOODWAY_JWT_PUBLIC_KEY", auth.public_key, File,
        "PEM file with the public key of tokens: RSA, EC (P-256, P-384) or Ed25519"),
    setting!("auth.jwks_url", "FLOODWAY_JWKS_URL", auth.jwks_url, Text(address::jwks),
        "Where the JWK set of the tokens' issuer is fetched"),
    setting!("auth.jwks_refresh_seconds", "FLOODWAY_AUTH_JWKS_REFRESH_SECONDS", auth.jwks_refresh, JWKS_REFRESH,
        "How long at most a key counts that was withdrawn from the JWK set"),
    setting!("auth.jwks_waiting", "FLOODWAY_AUTH_JWKS_WAITING", auth.jwks_waiting, COUNT,
        "Clients with tokens of a new key that wait at once for the JWK set; further ones are told to come back"),
    setting!("auth.cookie", "FLOODWAY_JWT_COOKIE", auth.places.cookie, Text(cookie_name),
        "Cookie that may hold a token, looked at last; empty: none. Set it HttpOnly, Secure and SameSite=Strict or Lax"),
    setting!("auth.query_token", "FLOODWAY_AUTH_QUERY_TOKEN", auth.places.query, Switch,
        "Whether a token may stand in the query (?token=), where proxies may log it"),
    setting!("auth.issuer", "FLOODWAY_JWT_ISSUER", auth.issuer, TEXT,
        "Required issuer of tokens (iss); empty: not checked"),
    setting!("auth.audience", "FLOODWAY_JWT_AUDIENCE", auth.audience, TEXT,
        "Required audience of tokens (aud); empty: not checked"),
    setting!("auth.roles", "FLOODWAY_ROLES", auth.roles, LIST,
        "Roles one of which a token needs in realm_access.roles"),
    setting!("auth.leeway_seconds", "FLOODWAY_AUTH_LEEWAY_SECONDS", auth.leeway, LEEWAY,
        "Clock difference that a token's exp and nbf forgive"),

    setting!("limits.connections_per_tenant", "MAX_STREAM_CONNECTIONS_PER_TENANT", limits.connections, COUNT_OR_NONE,
        "Live streams of one tenant; 0: no limit"),
    setting!("limits.connections", "FLOODWAY_MAX_CONNECTIONS", connections, COUNT_OR_NONE,
        "Live streams of the gateway; 0: from the open-files limit"),

    setting!("replay.events", "FLOODWAY_REPLAY_EVENTS", history.events, COUNT_OR_NONE,
        "Events of each tenant that are kept for clients that come back; 0: none"),
    setting!("replay.seconds", "FLOODWAY_REPLAY_SECONDS", history.age, PAUSE,
        "How long they are kept; a tenant stays subscribed for as long after its last subscriber left"),
    setting!("replay.bytes", "FLOODWAY_REPLAY_BYTES", history.bytes, BYTES_OR_NONE,
        "Memory of the events that are kept of one tenant"),
    setting!("replay.total_bytes", "FLOODWAY_REPLAY_TOTAL_BYTES", history.total_bytes, BYTES_OR_NONE,
        "Memory of what is kept of all tenants; default a tenth of the memory that the process may use"),
    setting!("replay.read_back_events", "FLOODWAY_REPLAY_READ_BACK_EVENTS", history.read_back_events, COUNT,
        "Events that a source with numbers of its own gives back at most to a client that was away for longer"),
    setting!("replay.read_back_bytes", "FLOODWAY_REPLAY_READ_BACK_BYTES", history.read_back_bytes, BYTES_OR_NONE,
        "Memory of what it has given back and is still to be sent, of all tenants"),
    setting!("replay.read_back_seconds", "FLOODWAY_REPLAY_READ_BACK_SECONDS", history.read_back_time, WITHIN,
        "Until a client that comes back gets a gap instead of what the source gives back"),
    setting!("snapshot.devices", "FLOODWAY_SNAPSHOT_DEVICES", history.devices, COUNT,
        "Devices of each tenant whose last event is kept for snapshots, those that published last"),

    setting!("shard.count", "FLOODWAY_SHARD_COUNT", shard.count, SHARDS,
        "Shards, a thread each; default one a core"),
    setting!("shard.inbox", "FLOODWAY_SHARD_INBOX", shard.inbox, COUNT,
        "Events that wait for a shard; at the limit ingest waits"),
    setting!("shard.writes", "FLOODWAY_SHARD_WRITES", shard.writes, WRITES,
        "How events get to the sockets: write, or io_uring (Linux 5.19), which costs less for many subscribers"),
    setting!("shard.held_bytes", "FLOODWAY_SHARD_HELD_BYTES", shard.held_bytes, COUNT,
        "Memory of the events that wait for lagging subscribers, of all shards together; at the limit the overflow policy decides"),
    setting!("stream.queue_size", "STREAM_QUEUE_SIZE", limits.queue_size, COUNT,
        "Events that a subscriber may lag"),
    setting!("stream.queue_bytes", "FLOODWAY_STREAM_QUEUE_BYTES", shard.queue_bytes, COUNT_OR_NONE,
        "Memory of the events that a subscriber may lag; 0 = 2 KiB for each of stream.queue_size, at least 1 MiB"),
    setting!("stream.overflow", "FLOODWAY_OVERFLOW", limits.overflow, OVERFLOW,
        "What happens at these limits: drop_newest, drop_oldest, latest (of each device), disconnect, catch_up (from replay)"),
    setting!("stream.overflow_allowed", "FLOODWAY_STREAM_OVERFLOW_ALLOWED", limits.overflow_allowed, POLICIES,
        "Of these a stream may choose another (?overflow=); the one of stream.overflow it may have in any case"),
    setting!("stream.control_bytes", "FLOODWAY_STREAM_CONTROL_BYTES", shard.control_bytes, COUNT,
        "Answers, pings and notices that wait for one subscriber; at the limit it is closed"),
    setting!("stream.unsent_bytes", "FLOODWAY_STREAM_UNSENT_BYTES", shard.unsent_bytes, COUNT,
        "What the kernel may hold unsent for one subscriber"),
    setting!("stream.user_timeout_seconds", "FLOODWAY_STREAM_USER_TIMEOUT_SECONDS", shard.user_timeout, WITHIN,
        "How long sent data may stay unacknowledged before the peer counts as dead"),
    setting!("stream.close_timeout_seconds", "FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", shard.close_timeout, WITHIN,
        "How long an ended stream may take to read what it was still sent"),
    setting!("stream.client_message_bytes", "FLOODWAY_STREAM_CLIENT_MESSAGE_BYTES", shard.client_message_bytes, COUNT,
        "Largest message of a client; a larger one closes with 1009"),
    setting!("stream.client_messages_per_second", "FLOODWAY_STREAM_CLIENT_MESSAGES_PER_SECOND", limits.client_messages_per_second, COUNT,
        "Messages a second of one client, a change of a long filter counting as many; beyond it they are read more slowly"),
    setting!("stream.filter_ids", "FLOODWAY_STREAM_FILTER_IDS", limits.filter_ids, COUNT,
        "Devices, groups and metrics, each, that one subscriber may name"),
    setting!("stream.ws_ping_seconds", "FLOODWAY_STREAM_WS_PING_SECONDS", shard.ws_ping, WITHIN,
        "Silence after which a WebSocket gets a ping"),
    setting!("stream.sse_keepalive_seconds", "FLOODWAY_STREAM_SSE_KEEPALIVE_SECONDS", shard.sse_keepalive, WITHIN,
        "Silence after which an SSE stream gets a comment"),

    setting!("log.filter", "FLOODWAY_LOG", log.filter, Text(log::filter),
        "What is logged, such as info or floodway=debug,warn"),
    setting!("log.format", "FLOODWAY_LOG_FORMAT", log.format, FORMAT,
        "text, json, or auto: text on a terminal, else json"),
    setting!("log.queue_bytes", "FLOODWAY_LOG_QUEUE_BYTES", log.queue_bytes, COUNT,
        "Bytes of lines that wait for stderr to take them; further ones are dropped and counted"),
];
