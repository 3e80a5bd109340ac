//! What is wrong with a configuration.
//!
//! Invariant: an error names the setting, where it was set and its value (never a secret's), and ends in a hint.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Where a value came from. Later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    /// The TOML file.
    File(PathBuf),
    /// An environment variable, by name.
    Env(Cow<'static, str>),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A value that the setting cannot take, alone or beside the others.
    #[error("{key} = {value} ({origin}): {hint}")]
    Value {
        /// The setting's key, or the environment variable where that stands for itself.
        key: Cow<'static, str>,
        /// As TOML; masked if it is a secret.
        value: String,
        origin: Origin,
        /// What would be right.
        hint: String,
    },
    /// A key that no setting has.
    #[error("{key} ({origin}): {hint}")]
    Unknown {
        /// The key as written.
        key: String,
        origin: Origin,
        /// The nearest known key.
        hint: String,
    },
    /// The file cannot be read, or is not TOML.
    #[error("configuration file {}: {why}", path.display())]
    File {
        path: PathBuf,
        /// The cause, with the line where there is one. The line's text may hold a secret and is not
        /// repeated.
        why: String,
    },
    /// None, or more than one, of the three ways to check a token.
    #[error("auth: {0}")]
    VerificationKey(String),
}

/// Everything that is wrong, in the order in which it was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

fn lines(errors: &[ConfigError]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}
