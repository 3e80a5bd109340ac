//! A flag for every setting: `--http-listen` sets `http.listen`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::output;
use crate::config::{self, Config, ConfigErrors, Key, Loaded, SETTINGS, Setting};

/// Where the configuration comes from: a file, the environment, and the flags.
#[derive(Args)]
pub(super) struct Sources {
    /// TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Sources {
    /// Loads the configuration.
    pub(super) fn load(&self, key: Key) -> Result<Loaded, ConfigErrors> {
        load(self.config.as_deref(), &self.flags.0, key)
    }
}

/// Loads the configuration, and adds a warning for each environment variable that looks like a setting and is none. If that
/// fails, it prints them at once: one of them may be the reason.
pub(super) fn load(file: Option<&Path>, flags: &[(String, String)], key: Key) -> Result<Loaded, ConfigErrors> {
    let loaded = config::load(file, &env, flags, key);
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let unknown = config::unknown_variables(names, super::variables());
    match loaded {
        Ok(mut loaded) => {
            loaded.warnings.extend(unknown);
            Ok(loaded)
        }
        Err(errors) => {
            output::warn(&unknown);
            Err(errors)
        }
    }
}

/// Looks up an environment variable. Bytes that are not UTF-8 become U+FFFD, so that a value that
/// holds some is seen, and refused, rather than taken as not set.
fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Pairs of a setting's key and the value that its flag gave.
struct SettingFlags(Vec<(String, String)>);

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let defaults = Config::default();
        SETTINGS.iter().fold(command, |command, setting| {
            let default = match setting.show(&defaults).as_str() {
                "\"\"" | "[]" => String::new(),
                default => format!(" [default: {default}]"),
            };
            let seen = if setting.secret { "; other users of this machine can see flags" } else { "" };
            let help = format!("{}{seen} [env: {}]{default}", setting.help, setting.env);
            let in_file = setting.names().skip(1).map(|(key, env)| {
                let help = format!("File that holds the value of {} [env: {env}]", setting.key);
                flag(&key, "FILE", help)
            });
            command.arg(flag(setting.key, value_name(setting.key), help)).args(in_file)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let keys = SETTINGS.iter().flat_map(Setting::names).map(|(key, _)| key);
        let given = keys.filter_map(|key| matches.get_one(&key).cloned().map(|value| (key, value)));
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(key: &str, value_name: &'static str, help: String) -> Arg {
    Arg::new(key.to_owned())
        .long(config::flag(key))
        .value_name(value_name)
        .allow_hyphen_values(true)
        .help_heading("Settings")
        .help(help)
}

/// The unit, which keys carry at their end.
fn value_name(key: &str) -> &'static str {
    match key.rsplit(['.', '_']).next() {
        Some("seconds") => "SECONDS",
        Some("bytes") => "BYTES",
        _ => "VALUE",
    }
}
