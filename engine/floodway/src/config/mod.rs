//! The configuration of the whole gateway, in layers.
//!
//! Invariant: a later layer wins, setting by setting: built-in default, TOML file, environment, flag.
//! Everything that is wrong in any layer is reported at once, and a [`Config`] that was loaded has
//! passed every check. The parts know their own `Config` and nothing of files or environment.

use std::fmt;

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
mod values;

#[cfg(test)]
mod tests;

pub(crate) use checks::Key;
pub(crate) use error::{ConfigErrors, Origin};
pub(crate) use layers::load;
pub(crate) use secret::read as read_secret;
pub(crate) use setting::{Setting, flag};
pub(crate) use table::SETTINGS;
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
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        table::find(key).map_or(&Origin::Default, |index| &self.origins[index])
    }
}

/// Secrets are masked, here as everywhere.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = SETTINGS.iter().map(|setting| (setting.key, setting.show(&self.config)));
        f.debug_map().entries(values).finish()
    }
}
