//! What a setting is: its names, and how its value is set and shown.

use super::Config;
use super::address;
use super::kinds::Raw;

/// What is shown in place of a secret.
pub(crate) const MASK: &str = "********";

/// What the key of a setting has behind it where the value stands in a file of its own; variables have it in capitals.
pub(super) const FILE_SUFFIX: &str = "_file";

/// One setting.
pub(crate) struct Setting {
    /// Its key in the TOML file.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) env: &'static str,
    /// Its value is never shown.
    pub(crate) secret: bool,
    /// Its value may stand in a file of its own, which the key with `_file` behind it names.
    pub(crate) filed: bool,
    /// What it sets, in one line.
    pub(crate) help: &'static str,
    pub(super) set: fn(&mut Config, Raw<'_>) -> Result<(), String>,
    pub(super) shown: fn(&Config) -> String,
}

impl Setting {
    /// The key that names a file with its value.
    pub(crate) fn file_key(&self) -> Option<String> {
        self.filed.then(|| format!("{}{FILE_SUFFIX}", self.key))
    }

    /// The environment variable that names a file with its value.
    pub(crate) fn file_env(&self) -> Option<String> {
        let suffix = FILE_SUFFIX.to_ascii_uppercase();
        self.filed.then(|| format!("{}{suffix}", self.env))
    }

    /// Its key and its variable, and where there are some those that name a file with its value.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let plain = (self.key.to_owned(), self.env.to_owned());
        std::iter::once(plain).chain(self.file_key().zip(self.file_env()))
    }

    /// Its value as TOML, a secret masked; an empty text stands for one that is not set.
    pub(crate) fn show(&self, config: &Config) -> String {
        self.mask((self.shown)(config))
    }

    /// `shown`, a value as TOML, or the mask where it must not be seen.
    pub(super) fn mask(&self, shown: String) -> String {
        let is_telling = shown.contains("-----BEGIN") || address::has_password(&shown);
        let hidden = self.secret && shown != "\"\"" || is_telling;
        if hidden { format!("\"{MASK}\"") } else { address::without_user(&shown) }
    }
}

/// The flag of a key, without dashes in front: `http.tls.cert` is `http-tls-cert`.
pub(crate) fn flag(key: &str) -> String {
    key.replace(['.', '_'], "-")
}
