//! A flag for every setting: `--http-listen` sets `http.listen`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{self, Config, ConfigErrors, Loaded, SETTINGS};

/// Where the configuration comes from: a file, the environment, and the flags.
#[derive(Args)]
pub(super) struct Sources {
    /// TOML file with settings
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Sources {
    /// Loads the configuration of a gateway.
    pub(super) fn load(&self) -> Result<Loaded, ConfigErrors> {
        config::load(self.config.as_deref(), &super::env, &self.flags.0)
    }

    /// Loads the configuration of a gateway that brings its own key.
    #[cfg(feature = "demo")]
    pub(super) fn load_without_key(&self) -> Result<Loaded, ConfigErrors> {
        config::load_without_key(self.config.as_deref(), &super::env, &self.flags.0)
    }
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
            let seen = if setting.secret {
                "; other users of this machine can see flags"
            } else {
                ""
            };
            command.arg(
                Arg::new(setting.key)
                    .long(setting.flag())
                    .value_name(value_name(setting.key))
                    .allow_hyphen_values(true)
                    .help_heading("Settings")
                    .help(format!(
                        "{}{seen} [env: {}]{default}",
                        setting.help, setting.env
                    )),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS.iter().filter_map(|setting| {
            let value = matches.get_one::<String>(setting.key)?;
            Some((setting.key.to_owned(), value.clone()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The unit, which keys carry at their end.
fn value_name(key: &str) -> &'static str {
    match key.rsplit(['.', '_']).next() {
        Some("seconds") => "SECONDS",
        Some("bytes") => "BYTES",
        _ => "VALUE",
    }
}
