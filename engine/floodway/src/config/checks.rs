//! What must hold between settings.

use super::address::is_loopback;
use super::error::{ConfigError, Origin};
use super::setting::{FILE_SUFFIX, Setting};
use super::table::{self, SETTINGS};
use super::{Config, Loaded};
use floodway_server::tls::Files;
use floodway_sources::mqtt::{Session, Subscribe};
use floodway_sources::router::Template;

/// RFC 7518, 3.2: an HS256 key is at least as long as the hash.
const HS256_SECRET_BYTES: usize = 32;

/// Whether a verification key must be set: some commands need none, or bring their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Needed,
    Optional,
}

/// Checks a configuration whose values are each valid alone, and sets what one implies for another.
pub(super) fn run(loaded: &mut Loaded, key: Key, errors: &mut Vec<ConfigError>) {
    if loaded.config.mqtt.session == Session::Persistent && *loaded.origin("mqtt.qos") == Origin::Default {
        loaded.config.mqtt.qos = 1;
    }
    loaded.config.has_mqtt = has_mqtt(loaded);
    let found = [
        tls_files(&loaded.config.http.tls, "http.tls.cert", "http.tls.key"),
        tls_files(&loaded.config.admin.tls, "admin.tls.cert", "admin.tls.key"),
        tls_files(&loaded.config.nats.tls, "nats.tls.cert", "nats.tls.key"),
        tls_files(&loaded.config.postgres.tls, "postgres.tls.cert", "postgres.tls.key"),
        tls_files(&loaded.config.mqtt.tls, "mqtt.tls.cert", "mqtt.tls.key"),
        mqtt_tls(&loaded.config),
        admin_client_ca(&loaded.config),
        admin_open(&loaded.config),
        admin_read_token(&loaded.config),
        payload(&loaded.config),
        topics(&loaded.config),
        timestamp(&loaded.config),
        session(loaded),
        nats_login(&loaded.config),
        connections(&loaded.config),
    ];
    let found = found.into_iter().flatten();
    errors.extend(found.map(|(key, hint)| wrong(loaded, key, hint)));
    errors.extend(verification_key(loaded, key, errors));
    loaded.warnings.extend(warnings(&loaded.config));
    loaded.warnings.extend(replay(loaded));
}

/// MQTT is off where another source is configured and nothing of MQTT is.
fn has_mqtt(loaded: &Loaded) -> bool {
    let mut set = SETTINGS.iter().zip(&loaded.origins).filter(|(_, origin)| **origin != Origin::Default);
    let is_alone = loaded.config.nats.urls.is_empty() && loaded.config.postgres.urls.is_empty();
    is_alone || set.any(|(setting, _)| setting.key.starts_with("mqtt."))
}

/// A setting's key, and what is to be done.
type Found = Option<(&'static str, String)>;

fn wrong(loaded: &Loaded, key: &'static str, hint: String) -> ConfigError {
    ConfigError::Value {
        key: key.into(),
        value: setting(key).show(&loaded.config),
        origin: loaded.origin(key).clone(),
        hint,
    }
}

fn setting(key: &str) -> &'static Setting {
    &SETTINGS[table::find(key).expect("checks name known settings")]
}

/// The hint of a setting without `key`, which belongs beside it.
fn needs(key: &str) -> String {
    format!("needs {key} beside it ({})", setting(key).env)
}

/// A certificate and its key, neither of which is of use without the other.
fn tls_files(files: &Option<Files>, cert: &'static str, key: &'static str) -> Found {
    let files = files.as_ref()?;
    if files.key.as_os_str().is_empty() {
        return Some((cert, needs(key)));
    }
    if files.cert.as_os_str().is_empty() {
        return Some((key, needs(cert)));
    }
    None
}

fn uses_tls(url: &str) -> bool {
    url.starts_with("mqtts://") || url.starts_with("wss://")
}

/// Who set up TLS, and gave a URL without it, means to be safe and is not.
fn mqtt_tls(config: &Config) -> Found {
    let mqtt = &config.mqtt;
    let given = [
        ("mqtt.tls.ca", mqtt.ca.is_some()),
        ("mqtt.tls.cert", mqtt.tls.is_some()),
        ("mqtt.tls.alpn", !mqtt.alpn.is_empty()),
    ];
    let key = given.into_iter().find(|(_, is_given)| *is_given)?.0;
    let hint = "is of no use: no mqtt.url begins with mqtts:// or wss://";
    (!mqtt.urls.iter().any(|url| uses_tls(url))).then(|| (key, hint.to_owned()))
}

fn admin_client_ca(config: &Config) -> Found {
    let useless = config.admin.client_ca.is_some() && config.admin.tls.is_none();
    let hint = "needs admin.tls.cert (FLOODWAY_ADMIN_TLS_CERT) and admin.tls.key (FLOODWAY_ADMIN_TLS_KEY) beside it";
    useless.then(|| ("admin.tls.client_ca", hint.to_owned()))
}

fn admin_open(config: &Config) -> Found {
    let config = &config.admin;
    let open = config.token.is_none() && config.client_ca.is_none() && !is_loopback(&config.listen);
    let hint = "other machines reach this address: set admin.token (FLOODWAY_ADMIN_TOKEN), or demand client certificates \
                with admin.tls.client_ca (FLOODWAY_ADMIN_TLS_CLIENT_CA), or listen on 127.0.0.1";
    open.then(|| ("admin.listen", hint.to_owned()))
}

fn admin_read_token(config: &Config) -> Found {
    let config = &config.admin;
    let hint = match (&config.token, &config.read_token) {
        (None, Some(_)) => needs("admin.token"),
        (Some(full), Some(read)) if full == read => "must differ from admin.token".to_owned(),
        _ => return None,
    };
    Some(("admin.read_token", hint))
}

fn payload(config: &Config) -> Found {
    let packet = config.mqtt.packet_bytes;
    let larger = config.event.payload_bytes as u64 > u64::from(packet);
    let hint = format!("must not exceed mqtt.packet_bytes ({packet}): such messages never arrive");
    larger.then_some(("event.payload_bytes", hint))
}

fn topics(config: &Config) -> Found {
    config.mqtt.topics().err().map(|why| ("mqtt.topics", why.to_string()))
}

/// What is passed on as the timestamp must not be more than that.
fn timestamp(config: &Config) -> Found {
    let (metrics, timestamp) = (&config.event.metrics_at, &config.event.timestamp_at);
    let hint = format!("must not hold what stands at payload.metrics (\"{metrics}\")");
    timestamp.holds(metrics).then_some(("payload.timestamp", hint))
}

/// A persistent session needs an id that stays, and QoS 1.
fn session(loaded: &Loaded) -> Found {
    let mqtt = &loaded.config.mqtt;
    if mqtt.session == Session::Clean {
        return None;
    }
    if *loaded.origin("mqtt.client_id") == Origin::Default {
        let hint = format!("{}: the id that stays, of this gateway alone", needs("mqtt.client_id"));
        return Some(("mqtt.session", hint));
    }
    let hint = "mqtt.session = \"persistent\" needs 1: a broker keeps nothing of QoS 0; remove one of the two";
    (mqtt.qos == 0).then(|| ("mqtt.qos", hint.to_owned()))
}

/// NATS takes a user name with a password, or a token.
fn nats_login(config: &Config) -> Found {
    let nats = &config.nats;
    if nats.password.is_some() && nats.username.is_none() {
        return Some(("nats.password", needs("nats.username")));
    }
    let is_double = nats.token.is_some() && nats.username.is_some();
    is_double.then(|| ("nats.token", "nats.username is set as well; keep one of them".to_owned()))
}

/// Brokers deal a shared subscription's messages out in turn, which would break the order of devices.
fn connections(config: &Config) -> Found {
    let is_split = config.mqtt.connections > 1 && config.mqtt.subscribe == Subscribe::All;
    let hint = "needs mqtt.subscribe = \"on_demand\": the one subscription to all tenants can't be split";
    is_split.then(|| ("mqtt.connections", hint.to_owned()))
}

/// A tenant's share that is set and can never be reached.
fn replay(loaded: &Loaded) -> Option<String> {
    let kept = &loaded.config.history;
    let is_useless = kept.bytes > kept.total_bytes && *loaded.origin("replay.bytes") != Origin::Default;
    is_useless.then(|| {
        format!(
            "replay.bytes = {} is more than replay.total_bytes = {}, which holds for all tenants together; raise that",
            kept.bytes, kept.total_bytes
        )
    })
}

/// The three ways to check a token, of which there is one.
const KEYS: [&str; 3] = ["auth.hs256_secret", "auth.public_key", "auth.jwks_url"];

fn verification_key(loaded: &Loaded, key: Key, errors: &[ConfigError]) -> Option<ConfigError> {
    let auth = &loaded.config.auth;
    let given = [auth.hs256_secret.is_some(), auth.public_key.is_some(), auth.jwks_url.is_some()];
    let set = KEYS.into_iter().zip(given).filter(|(_, given)| *given);
    let set: Vec<&str> = set.map(|(key, _)| key).collect();
    match set.len() {
        // A key that was given and is wrong has its error already.
        0 if key == Key::Needed && !errors.iter().any(is_about_key) => {
            Some(ConfigError::VerificationKey(format!("no verification key; set one of {}", ways())))
        }
        0 | 1 => None,
        _ => {
            let names = set.iter().map(|key| match loaded.origin(key) {
                Origin::Default => (*key).to_owned(),
                origin => format!("{key} ({origin})"),
            });
            let names = names.collect::<Vec<_>>().join(" and ");
            Some(ConfigError::VerificationKey(format!("{names} are set; keep one of them")))
        }
    }
}

fn is_about_key(error: &ConfigError) -> bool {
    matches!(error, ConfigError::Value { key, .. } if is_of_key(key))
}

/// True for a setting of a key, in either of its forms.
fn is_of_key(key: &str) -> bool {
    KEYS.contains(&key.strip_suffix(FILE_SUFFIX).unwrap_or(key))
}

fn ways() -> String {
    KEYS.map(|key| format!("{key} ({})", setting(key).env)).join(", ")
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(secret) = &config.auth.hs256_secret {
        let bytes = secret.len();
        if bytes < HS256_SECRET_BYTES {
            warnings.push(format!(
                "auth.hs256_secret has {bytes} bytes: RFC 7518, 3.2 demands {HS256_SECRET_BYTES} or more, \
                 since a short secret can be guessed from any token"
            ));
        }
        if secret.trim() != secret {
            warnings.push("auth.hs256_secret begins or ends with white space".to_owned());
        }
    }
    let jwks_url = config.auth.jwks_url.as_ref();
    if jwks_url.is_some_and(|url| url.starts_with("http://")) {
        warnings.push("auth.jwks_url is not https: who can change the answer on its way can sign tokens".to_owned());
    }
    let (safe, open): (Vec<_>, Vec<_>) = config.mqtt.urls.iter().partition(|url| uses_tls(url));
    if let (Some(safe), Some(open)) = (safe.first(), open.first()) {
        warnings.push(format!("mqtt.url: with {safe} away, events and the login travel in the clear to {open}"));
    }
    if config.mqtt.tenant.is_some() && config.mqtt.topics.iter().all(Template::has_tenant) {
        warnings.push("mqtt.tenant is not used: every template of mqtt.topics has {tenant}".to_owned());
    }
    let admin = &config.admin;
    if admin.token.is_some() && admin.tls.is_none() && !is_loopback(&admin.listen) {
        warnings.push(format!(
            "admin.token travels in the clear to admin.listen = \"{}\": who can listen on its way has it; set \
             admin.tls.cert and admin.tls.key",
            admin.listen
        ));
    }
    warnings
}
