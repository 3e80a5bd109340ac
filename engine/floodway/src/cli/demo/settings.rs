//! What a demo sets itself, and what it leaves to its user.
//!
//! Invariant: a setting that was given is either used, or a warning says that it is not.

use std::time::SystemTime;

use crate::cli::failure::Failure;
use crate::cli::token::{sign, unix};
use crate::config::{Config, Loaded, Origin};
use floodway_protocol::names::TenantId;
use floodway_server::auth;
use floodway_server::tls;
use floodway_sources::mqtt::Subscribe;

/// Where a demo listens by default: on this machine only, since the screen shows its key.
const LISTEN: &str = "127.0.0.1:8080";

/// Where it listens if that address is in use.
pub(super) const ANY_PORT: &str = "127.0.0.1:0";

/// What is logged: little, to leave the screen readable. rumqttd calls it an error when a client disconnects.
const LOG_FILTER: &str = "warn,rumqttd=off";

/// Live streams of one tenant: room to try things out.
const CONNECTIONS_PER_TENANT: u32 = 1_000;

/// Bytes of the secret: as many as HS256 has (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;

/// What a packet may grow by on its way through the broker: MQTT 5 adds properties.
const PROPERTIES_BYTES: usize = 64;

/// Settings that a demo brings itself.
const ITS_OWN: [&str; 12] = [
    "http.tls.cert",
    "http.tls.key",
    "mqtt.url",
    "mqtt.username",
    "mqtt.password",
    "mqtt.topics",
    "mqtt.tenant",
    "payload.metrics",
    "payload.timestamp",
    "auth.hs256_secret",
    "auth.public_key",
    "auth.jwks_url",
];

/// The configuration of a demo, but for the broker's address.
pub(super) struct Settled {
    pub(super) config: Config,
    /// What tokens are signed with.
    pub(super) secret: String,
    /// Nobody has set the public listener's address.
    pub(super) may_move: bool,
    /// Nobody has set the private listener's address.
    pub(super) admin_may_move: bool,
    pub(super) warnings: Vec<String>,
}

/// Makes a demo's configuration of what was loaded.
pub(super) fn settle(loaded: Loaded) -> Result<Settled, Failure> {
    let is_default = |key| *loaded.origin(key) == Origin::Default;
    let mut warnings = loaded.warnings.clone();
    let unused = ITS_OWN.into_iter().filter(|key| !is_default(key));
    warnings.extend(unused.map(|key| {
        let origin = loaded.origin(key);
        format!("{key} ({origin}): not used, a demo brings its own")
    }));
    let mut config = loaded.config.clone();
    let secret = secret()?;
    config.auth.hs256_secret = Some(secret.clone());
    config.auth.public_key = None;
    config.auth.jwks_url = None;
    config.http.tls = None;
    config.mqtt.username = None;
    config.mqtt.password = None;
    let usual = Config::default();
    (config.mqtt.topics, config.mqtt.tenant) = (usual.mqtt.topics, None);
    (config.event.metrics_at, config.event.timestamp_at) = (usual.event.metrics_at, usual.event.timestamp_at);
    let may_move = is_default("http.listen");
    if may_move {
        config.http.listen = LISTEN.to_owned();
    }
    if is_default("mqtt.subscribe") {
        // Events come in, and are counted, before there is a subscriber.
        config.mqtt.subscribe = Subscribe::All;
    }
    if is_default("limits.connections_per_tenant") {
        config.limits.connections = CONNECTIONS_PER_TENANT;
    }
    if is_default("http.live_page") {
        config.http.live_page = true;
    }
    if is_default("log.filter") {
        config.log.filter = LOG_FILTER.to_owned();
    }
    Ok(Settled { config, secret, may_move, admin_may_move: is_default("admin.listen"), warnings })
}

/// The largest packet that the embedded broker may take. It passes on whatever it took, heedless of what a subscriber
/// announced, and a packet that is too large for the gateway would end its connection.
pub(super) fn broker_packet_bytes(config: &Config) -> usize {
    (config.mqtt.packet_bytes as usize).saturating_sub(PROPERTIES_BYTES)
}

/// A new secret, from the operating system's randomness.
fn secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    let filled = tls::provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Failure::running("the system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A token for `tenant` that a gateway with this configuration accepts.
pub(super) fn token(
    config: &auth::Config,
    secret: &str,
    tenant: &str,
    expires_at: SystemTime,
) -> Result<String, Failure> {
    let tenant = TenantId::parse(tenant).map_err(Failure::running)?;
    // One role is enough, and keeps the token short.
    let roles = config.roles.get(..1).unwrap_or_default();
    sign(config, secret, &tenant, roles, Some("demo"), unix(expires_at))
}

#[cfg(test)]
mod tests;
