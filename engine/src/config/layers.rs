//! Lays file, environment and flags over the defaults.

use std::path::Path;

use super::error::{ConfigError, ConfigErrors, Origin};
use super::kinds::Raw;
use super::settings::{self, SETTINGS};
use super::{Config, Loaded, address, checks, file};

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn load(
    path: Option<&Path>,
    env: Env<'_>,
    flags: &[(String, String)],
    key: checks::Key,
) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::new();
    if let Some(path) = path {
        layers.file(path);
    }
    layers.environment(env);
    layers.flags(flags);
    layers.broker_host(env);
    let Layers {
        mut loaded,
        mut errors,
    } = layers;
    checks::run(&mut loaded, key, &mut errors);
    if errors.is_empty() {
        Ok(loaded)
    } else {
        Err(ConfigErrors(errors))
    }
}

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
        Self {
            loaded,
            errors: Vec::new(),
        }
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
        for setting in SETTINGS {
            if let Some(value) = env(setting.env).filter(|value| !value.is_empty()) {
                self.set(setting.key, Raw::Text(&value), Origin::Env(setting.env));
            }
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        for (key, value) in flags {
            let flag = settings::find(key).map_or_else(|| key.clone(), |at| SETTINGS[at].flag());
            self.set(key, Raw::Text(value), Origin::Flag(format!("--{flag}")));
        }
    }

    fn set(&mut self, key: &str, raw: Raw<'_>, origin: Origin) {
        let Some(place) = settings::find(key) else {
            self.errors.push(file::unknown(key, origin));
            return;
        };
        let setting = &SETTINGS[place];
        let done = match raw {
            Raw::Text(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
                Err("expected UTF-8".to_owned())
            }
            _ => (setting.set)(&mut self.loaded.config, raw),
        };
        match done {
            Ok(()) => self.loaded.origins[place] = origin,
            Err(mend) => {
                let value = setting.mask(raw.show());
                self.errors.push(ConfigError::Value {
                    key: setting.key,
                    value,
                    origin,
                    mend,
                });
            }
        }
    }

    /// Builds the default of `mqtt.url` from `MQTT_HOST` and `MQTT_PORT`.
    fn broker_host(&mut self, env: Env<'_>) {
        let given = |name| env(name).filter(|value| !value.is_empty());
        let (host, port) = (given("MQTT_HOST"), given("MQTT_PORT"));
        let names = match (&host, &port) {
            (None, None) => return,
            (Some(_), None) => "MQTT_HOST",
            (None, Some(_)) => "MQTT_PORT",
            (Some(_), Some(_)) => "MQTT_HOST and MQTT_PORT",
        };
        let place = settings::find("mqtt.url").expect("a known setting");
        let origin = &self.loaded.origins[place];
        if *origin != Origin::Default {
            self.loaded.warnings.push(format!(
                "{names}: not used, since mqtt.url is set ({origin})"
            ));
            return;
        }
        let host = self.read("MQTT_HOST", host, "localhost".to_owned(), broker_host);
        let port = self.read("MQTT_PORT", port, 1883, broker_port);
        if let (Some(host), Some(port)) = (host, port) {
            self.loaded.config.mqtt.urls = vec![address::broker_at(&host, port)];
            self.loaded.origins[place] = Origin::Env(names);
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
            Err(mend) => {
                let value = address::without_user(&Raw::Text(&text).show());
                let origin = Origin::Env(name);
                self.errors.push(ConfigError::Value {
                    key: name,
                    value,
                    origin,
                    mend,
                });
                None
            }
        }
    }
}

fn broker_host(text: &str) -> Result<String, String> {
    let mend = "expected a host name or an address, without a port; for a whole URL set MQTT_URL";
    if address::is_host(text) {
        Ok(text.to_owned())
    } else {
        Err(mend.to_owned())
    }
}

fn broker_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port != 0 => Ok(port),
        // What Kubernetes sets in every pod beside a service that is called `mqtt`.
        _ if text.starts_with("tcp://") => {
            Err("expected a port; Kubernetes sets this for a service \
             called mqtt: set enableServiceLinks to false, or set MQTT_URL"
                .to_owned())
        }
        _ => Err("expected a port from 1 to 65535".to_owned()),
    }
}
