//! What must hold between settings.

use super::address::is_loopback;
use super::error::{ConfigError, Origin};
use super::settings::{self, FILE_SUFFIX, SETTINGS};
use super::{Config, Loaded};
use floodway_server::tls::Files;

/// RFC 7518, 3.2: an HS256 key is at least as long as the hash.
const HS256_SECRET_BYTES: usize = 32;

/// Whether a verification key must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Needed,
    Optional,
}

/// Checks a configuration whose values are each right by themselves.
pub(super) fn run(loaded: &mut Loaded, key: Key, errors: &mut Vec<ConfigError>) {
    let found = [
        tls_files(&loaded.config.http.tls, &HTTP_TLS),
        tls_files(&loaded.config.admin.tls, &ADMIN_TLS),
        admin_client_ca(&loaded.config),
        admin_open(&loaded.config),
        admin_read_token(&loaded.config),
        payload(&loaded.config),
    ];
    for (key, mend) in found.into_iter().flatten() {
        errors.push(wrong(loaded, key, mend));
    }
    errors.extend(verification_key(loaded, key, errors));
    loaded.warnings.extend(warnings(&loaded.config));
}

/// A setting's key, and what is to be done.
type Found = Option<(&'static str, String)>;

fn wrong(loaded: &Loaded, key: &'static str, mend: String) -> ConfigError {
    let place = settings::find(key).expect("checks name known settings");
    let value = SETTINGS[place].show(&loaded.config);
    ConfigError::Value {
        key: key.into(),
        value,
        origin: loaded.origins[place].clone(),
        mend,
    }
}

/// The two files of a listener's TLS, and what is said of one without the other.
struct TlsKeys {
    cert: &'static str,
    no_cert: &'static str,
    key: &'static str,
    no_key: &'static str,
}

const HTTP_TLS: TlsKeys = TlsKeys {
    cert: "http.tls.cert",
    no_cert: "needs http.tls.cert beside it (FLOODWAY_TLS_CERT)",
    key: "http.tls.key",
    no_key: "needs http.tls.key beside it (FLOODWAY_TLS_KEY)",
};
const ADMIN_TLS: TlsKeys = TlsKeys {
    cert: "admin.tls.cert",
    no_cert: "needs admin.tls.cert beside it (FLOODWAY_ADMIN_TLS_CERT)",
    key: "admin.tls.key",
    no_key: "needs admin.tls.key beside it (FLOODWAY_ADMIN_TLS_KEY)",
};

fn tls_files(files: &Option<Files>, keys: &TlsKeys) -> Found {
    let files = files.as_ref()?;
    if files.key.as_os_str().is_empty() {
        return Some((keys.cert, keys.no_key.to_owned()));
    }
    if files.cert.as_os_str().is_empty() {
        return Some((keys.key, keys.no_cert.to_owned()));
    }
    None
}

fn admin_client_ca(config: &Config) -> Found {
    let useless = config.admin.client_ca.is_some() && config.admin.tls.is_none();
    let mend = "needs admin.tls.cert (FLOODWAY_ADMIN_TLS_CERT) and admin.tls.key (FLOODWAY_ADMIN_TLS_KEY) beside it";
    useless.then(|| ("admin.tls.client_ca", mend.to_owned()))
}

fn admin_open(config: &Config) -> Found {
    let config = &config.admin;
    let open = config.token.is_none() && config.client_ca.is_none() && !is_loopback(&config.listen);
    let mend = "other machines reach this address: set admin.token (FLOODWAY_ADMIN_TOKEN), or demand client certificates \
                with admin.tls.client_ca (FLOODWAY_ADMIN_TLS_CLIENT_CA), or listen on 127.0.0.1";
    open.then(|| ("admin.listen", mend.to_owned()))
}

fn admin_read_token(config: &Config) -> Found {
    let config = &config.admin;
    let mend = match (&config.token, &config.read_token) {
        (None, Some(_)) => "needs admin.token beside it (FLOODWAY_ADMIN_TOKEN)",
        (Some(full), Some(read)) if full == read => "must differ from admin.token",
        _ => return None,
    };
    Some(("admin.read_token", mend.to_owned()))
}

fn payload(config: &Config) -> Found {
    let packet = config.mqtt.packet_bytes;
    let larger = config.event.payload_bytes as u64 > u64::from(packet);
    let mend =
        || format!("must not exceed mqtt.packet_bytes ({packet}): such messages never arrive");
    larger.then(|| ("event.payload_bytes", mend()))
}

/// The three ways to check a token, of which there is one.
const KEYS: [&str; 3] = ["auth.hs256_secret", "auth.public_key", "auth.jwks_url"];

fn verification_key(loaded: &Loaded, key: Key, errors: &[ConfigError]) -> Option<ConfigError> {
    let auth = &loaded.config.auth;
    let given = [
        auth.hs256_secret.is_some(),
        auth.public_key.is_some(),
        auth.jwks_url.is_some(),
    ];
    let set: Vec<_> = KEYS
        .into_iter()
        .zip(given)
        .filter(|(_, given)| *given)
        .collect();
    match set.len() {
        // A key that was given and is wrong has its error already.
        0 if key == Key::Needed && !errors.iter().any(is_about_key) => Some(
            ConfigError::VerificationKey(format!("no verification key; set one of {}", ways())),
        ),
        0 | 1 => None,
        _ => {
            let names = set.iter().map(|(key, _)| match loaded.origin(key) {
                Origin::Default => (*key).to_owned(),
                origin => format!("{key} ({origin})"),
            });
            let names = names.collect::<Vec<_>>().join(" and ");
            Some(ConfigError::VerificationKey(format!(
                "{names} are set; keep one of them"
            )))
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
    let way = |key| {
        let setting = &SETTINGS[settings::find(key).expect("a known setting")];
        format!("{key} ({})", setting.env)
    };
    KEYS.map(way).join(", ")
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
    if config
        .auth
        .jwks_url
        .as_ref()
        .is_some_and(|url| url.starts_with("http://"))
    {
        warnings.push(
            "auth.jwks_url is not https: who can change the answer on its way can sign tokens"
                .to_owned(),
        );
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
