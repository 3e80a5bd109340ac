//! Lays file, environment and flags over the defaults.

use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrors, Origin};
use super::kinds::{File as FileName, Kind, Raw};
use super::setting::{self, MASK, Setting};
use super::table::{self, SETTINGS};
use super::{Config, Loaded, address, checks, file, secret, unknown};

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Loads a configuration.
///
/// `env` looks up an environment variable; an empty one counts as not set. `flags` are pairs of a
/// setting's key and its value. The error is everything that is wrong.
pub(crate) fn load(
    file: Option<&Path>,
    env: Env<'_>,
    flags: &[(String, String)],
    key: checks::Key,
) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::new();
    if let Some(path) = file {
        layers.file(path);
    }
    layers.environment(env);
    layers.flags(flags);
    layers.broker_host(env);
    let Layers { mut loaded, mut errors } = layers;
    checks::run(&mut loaded, key, &mut errors);
    if errors.is_empty() { Ok(loaded) } else { Err(ConfigErrors(errors)) }
}

/// What was read so far, and what is wrong with it.
struct Layers {
    loaded: Loaded,
    errors: Vec<ConfigError>,
}

impl Layers {
    fn new() -> Self {
        let loaded = Loaded {
            config: Config::default(),
            origins: vec![Origin::Default; SETTINGS.len()],
            warnings: Vec::new(),
        };
        Self { loaded, errors: Vec::new() }
    }

    fn file(&mut self, path: &Path) {
        let origin = Origin::File(path.to_owned());
        match file::read(path) {
            Ok(table) => file::walk(&table, &mut |key, value| {
                self.set(key, Raw::Toml(value), origin.clone());
            }),
            Err(error) => self.errors.push(error),
        }
    }

    fn environment(&mut self, env: Env<'_>) {
        for (key, name) in SETTINGS.iter().flat_map(Setting::names) {
            if let Some(value) = given(env, &name) {
                self.set(&key, Raw::Text(&value), Origin::Env(name.into()));
            }
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        for (key, value) in flags {
            let origin = Origin::Flag(format!("--{}", setting::flag(key)));
            self.set(key, Raw::Text(value), origin);
        }
    }

    fn set(&mut self, key: &str, raw: Raw<'_>, origin: Origin) {
        let (done, value) = if let Some(index) = table::find(key) {
            let setting = &SETTINGS[index];
            (self.set_value(index, raw, &origin), setting.mask(raw.show()))
        } else if let Some(index) = table::find_filed(key) {
            (self.set_filed(index, raw, &origin), raw.show())
        } else {
            self.errors.push(unknown::key(key, origin));
            return;
        };
        if let Err(hint) = done {
            self.errors.push(ConfigError::Value { key: key.to_owned().into(), value, origin, hint });
        }
    }

    fn set_value(&mut self, index: usize, raw: Raw<'_>, origin: &Origin) -> Result<(), String> {
        let setting = &SETTINGS[index];
        if let Some(key) = setting.file_key()
            && self.is_of_layer(index, origin)
        {
            return Err(format!("{key} is set as well; keep one of them"));
        }
        match raw.text() {
            Some(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
                return Err("expected UTF-8".to_owned());
            }
            Some(MASK) if setting.secret => {
                return Err("is what is shown in place of the secret; give the secret itself".to_owned());
            }
            _ => (setting.set)(&mut self.loaded.config, raw)?,
        }
        self.loaded.origins[index] = origin.clone();
        Ok(())
    }

    /// Sets a value that stands in a file of its own.
    fn set_filed(&mut self, index: usize, raw: Raw<'_>, origin: &Origin) -> Result<(), String> {
        let path: Option<PathBuf> = FileName.read(raw)?;
        let path = path.ok_or("expected the name of a file")?;
        let value = secret::read(&path)?;
        if self.is_of_layer(index, origin) {
            let key = SETTINGS[index].key;
            return Err(format!("{key} is set as well; keep one of them"));
        }
        self.set_value(index, Raw::Text(&value), origin)
    }

    /// Whether this layer has set it already, which it can do by the value itself and by the name of a file.
    fn is_of_layer(&self, index: usize, origin: &Origin) -> bool {
        std::mem::discriminant(&self.loaded.origins[index]) == std::mem::discriminant(origin)
    }

    /// Builds the default of `mqtt.url` from `MQTT_HOST` and `MQTT_PORT`.
    fn broker_host(&mut self, env: Env<'_>) {
        let (host, port) = (given(env, "MQTT_HOST"), given(env, "MQTT_PORT"));
        let names = match (&host, &port) {
            (None, None) => return,
            (Some(_), None) => "MQTT_HOST",
            (None, Some(_)) => "MQTT_PORT",
            (Some(_), Some(_)) => "MQTT_HOST and MQTT_PORT",
        };
        let index = table::find("mqtt.url").expect("a known setting");
        let origin = &self.loaded.origins[index];
        if *origin != Origin::Default {
            self.loaded.warnings.push(format!("{names}: not used, since mqtt.url is set ({origin})"));
            return;
        }
        let host = self.read("MQTT_HOST", host, "localhost".to_owned(), broker_host);
        let port = self.read("MQTT_PORT", port, 1883, broker_port);
        if let (Some(host), Some(port)) = (host, port) {
            self.loaded.config.mqtt.urls = vec![address::broker_at(&host, port)];
            self.loaded.origins[index] = Origin::Env(names.into());
        }
    }

    /// Reads an environment variable that is not a setting of its own.
    fn read<T>(
        &mut self,
        name: &'static str,
        given: Option<String>,
        default: T,
        read: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some(text) = given else {
            return Some(default);
        };
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(hint) => {
                let value = address::without_user(&Raw::Text(&text).show());
                let origin = Origin::Env(name.into());
                self.errors.push(ConfigError::Value { key: name.into(), value, origin, hint });
                None
            }
        }
    }
}

/// The value of an environment variable; an empty one is not set.
fn given(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

fn broker_host(text: &str) -> Result<String, String> {
    let hint = "expected a host name or an address, without a port; for a whole URL set MQTT_URL";
    if address::is_host(text) { Ok(text.to_owned()) } else { Err(hint.to_owned()) }
}

fn broker_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port != 0 => Ok(port),
        // What Kubernetes sets in every pod beside a service that is called `mqtt`.
        _ if text.starts_with("tcp://") => Err("expected a port; Kubernetes sets this for a service \
             called mqtt: set enableServiceLinks to false, or set MQTT_URL"
            .to_owned()),
        _ => Err("expected a port from 1 to 65535".to_owned()),
    }
}
