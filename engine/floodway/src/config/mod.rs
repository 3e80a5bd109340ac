//! The configuration of the whole gateway, in layers.
//!
//! Invariant: a later layer wins, setting by setting: built-in default, TOML file, environment, flag.
//! Whatever is wrong in any layer is found and told at once, and a [`Config`] that was loaded has
//! passed every check. The parts know their own `Config` and nothing of files or environment.

use std::fmt;
use std::path::Path;

pub(crate) use floodway_server::gateway::Config;

mod address;
mod checks;
mod error;
mod file;
mod kinds;
mod layers;
mod secret;
mod setting;
mod table;
mod unknown;

#[cfg(test)]
mod tests;

pub(crate) use error::{ConfigErrors, Origin};
pub(crate) use secret::read as read_secret;
pub(crate) use setting::flag;
pub(crate) use table::{SETTINGS, find};
pub(crate) use unknown::variables as unknown_variables;

/// A configuration, and where each value came from.
#[derive(Clone)]
pub(crate) struct Loaded {
    /// The values.
    pub(crate) config: Config,
    /// Where they came from, in the order of [`SETTINGS`].
    pub(crate) origins: Vec<Origin>,
    /// What is allowed and yet hardly meant.
    pub(crate) warnings: Vec<String>,
}

/// Loads the configuration of a gateway.
///
/// `env` looks up an environment variable; an empty one counts as not set. `flags` are pairs of a
/// setting's key and its value.
///
/// # Errors
/// Everything that is wrong, a missing verification key included.
pub(crate) fn load(
    file: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    flags: &[(String, String)],
) -> Result<Loaded, ConfigErrors> {
    layers::load(file, env, flags, checks::Key::Needed)
}

/// Loads a configuration like [`load`] for a command that needs no verification key, or brings its own.
///
/// # Errors
/// Everything that is wrong.
pub(crate) fn load_without_key(
    file: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    flags: &[(String, String)],
) -> Result<Loaded, ConfigErrors> {
    layers::load(file, env, flags, checks::Key::Optional)
}

impl Loaded {
    /// Every setting as a line of TOML, with where it came from as a comment. Secrets are masked.
    pub(crate) fn show(&self) -> String {
        let lines = SETTINGS.iter().zip(&self.origins).map(|(setting, origin)| {
            let line = format!("{} = {}", setting.key, setting.show(&self.config));
            format!("{line:<56} # {origin}\n")
        });
        lines.collect()
    }

    /// Where the value of the setting with this key came from.
    fn origin(&self, key: &str) -> &Origin {
        find(key).map_or(&Origin::Default, |place| &self.origins[place])
    }
}

/// Secrets are masked, here as everywhere.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = SETTINGS
            .iter()
            .map(|setting| (setting.key, setting.show(&self.config)));
        f.debug_map().entries(values).finish()
    }
}
