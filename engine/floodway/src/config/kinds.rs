//! The kinds of values that settings take: how each is read and shown.
//!
//! Invariant: what `show` writes is a TOML value that `read` takes back unchanged. Durations are
//! seconds, and an optional text that is empty is not set.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::Value;

use floodway_core::index::{Overflow, Policies};
use floodway_protocol::names::TenantId;

/// A value as it was given: text from the environment and from flags, or a TOML value.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    Text(&'a str),
    Toml(&'a Value),
}

impl<'a> Raw<'a> {
    /// The text, where the value is one.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Raw::Text(text) => Some(text),
            Raw::Toml(value) => value.as_str(),
        }
    }

    /// A number or a flag, which TOML may hold as such or as a text.
    fn parsed<T: FromStr + DeserializeOwned>(self) -> Option<T> {
        match self {
            Raw::Toml(value) if !value.is_str() => value.clone().try_into().ok(),
            _ => self.text()?.trim().parse().ok(),
        }
    }

    /// The value as TOML.
    pub(crate) fn show(self) -> String {
        match self {
            Raw::Text(text) => literal(text),
            Raw::Toml(value) => value.to_string(),
        }
    }
}

/// How values of one kind are read and shown.
pub(crate) trait Kind<T> {
    /// Reads a value, or says what would be right.
    fn read(&self, raw: Raw<'_>) -> Result<T, String>;

    /// Writes the value as TOML.
    fn show(&self, value: &T) -> String;
}

/// `text` as a TOML string.
fn literal(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Checks a text, and may normalise it. The error is the hint.
pub(crate) type Check = fn(&str) -> Result<String, String>;

/// Takes any text as it is.
pub(crate) fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Takes a text that MQTT can carry (MQTT 5.0, 1.5.4), a suffix of a few bytes included.
pub(crate) fn mqtt(text: &str) -> Result<String, String> {
    if text.len() > 65_000 || text.contains('\0') {
        return Err("must be at most 65000 bytes without NUL".to_owned());
    }
    any(text)
}

/// A text that passes a check.
pub(crate) struct Text(pub(crate) Check);

impl Kind<String> for Text {
    fn read(&self, raw: Raw<'_>) -> Result<String, String> {
        match Kind::<Option<String>>::read(self, raw)? {
            Some(text) => Ok(text),
            None => Err("must not be empty".to_owned()),
        }
    }

    fn show(&self, value: &String) -> String {
        literal(value)
    }
}

impl Kind<Option<String>> for Text {
    fn read(&self, raw: Raw<'_>) -> Result<Option<String>, String> {
        let text = raw.text().ok_or("expected a text in quotation marks, \"…\"")?;
        (!text.is_empty()).then(|| (self.0)(text)).transpose()
    }

    fn show(&self, value: &Option<String>) -> String {
        literal(value.as_deref().unwrap_or_default())
    }
}

/// The name of a file. It is opened by the part that needs it.
pub(crate) struct File;

impl Kind<Option<PathBuf>> for File {
    fn read(&self, raw: Raw<'_>) -> Result<Option<PathBuf>, String> {
        let text = raw.text().ok_or("expected the name of a file in quotation marks")?;
        if text.contains("-----BEGIN") {
            return Err("expected the name of a PEM file, not what it holds".to_owned());
        }
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    fn show(&self, value: &Option<PathBuf>) -> String {
        let path = value.as_deref().map(Path::to_string_lossy);
        literal(&path.unwrap_or_default())
    }
}

/// The file that keeps documents, as `file:PATH`.
pub(crate) struct Store;

impl Kind<Option<PathBuf>> for Store {
    fn read(&self, raw: Raw<'_>) -> Result<Option<PathBuf>, String> {
        const FORM: &str = "expected file: and the name of a file, such as \"file:/var/lib/floodway/control.json\"; \
                            empty: the first source keeps limits and groups";
        let text = raw.text().ok_or(FORM)?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let path = text.strip_prefix("file:").filter(|path| !path.is_empty()).ok_or(FORM)?;
        Ok(Some(PathBuf::from(path)))
    }

    fn show(&self, value: &Option<PathBuf>) -> String {
        let store = value.as_deref().map(|path| format!("file:{}", path.display()));
        literal(&store.unwrap_or_default())
    }
}

/// Texts, as a TOML array or separated by commas, each of which passes a check.
pub(crate) struct List {
    pub(crate) item: Check,
    pub(crate) may_be_empty: bool,
}

impl Kind<Vec<String>> for List {
    fn read(&self, raw: Raw<'_>) -> Result<Vec<String>, String> {
        let items = split(raw).ok_or("expected a list of texts, such as [\"a\", \"b\"] or \"a,b\"")?;
        if items.is_empty() && !self.may_be_empty {
            return Err("expected at least one".to_owned());
        }
        items.into_iter().map(self.item).collect()
    }

    fn show(&self, value: &Vec<String>) -> String {
        Value::from(value.clone()).to_string()
    }
}

/// A text of which a value is made, whose error is the hint.
pub(crate) struct Parsed;

impl<T: FromStr<Err: Display> + Display> Kind<T> for Parsed {
    fn read(&self, raw: Raw<'_>) -> Result<T, String> {
        let text = raw.text().ok_or("expected a text in quotation marks, \"…\"")?;
        text.trim().parse().map_err(|why: T::Err| why.to_string())
    }

    fn show(&self, value: &T) -> String {
        literal(&value.to_string())
    }
}

/// Several of these, at least one, as a TOML array or separated by commas.
pub(crate) struct ParsedList;

impl<T: FromStr<Err: Display> + Display> Kind<Vec<T>> for ParsedList {
    fn read(&self, raw: Raw<'_>) -> Result<Vec<T>, String> {
        let items = split(raw).ok_or("expected a list of texts, such as [\"a\", \"b\"] or \"a,b\"")?;
        if items.is_empty() {
            return Err("expected at least one".to_owned());
        }
        let parse = |item: &str| item.parse().map_err(|why: T::Err| format!("{item:?} {why}"));
        items.into_iter().map(parse).collect()
    }

    fn show(&self, value: &Vec<T>) -> String {
        let items: Vec<String> = value.iter().map(ToString::to_string).collect();
        Value::from(items).to_string()
    }
}

/// The id of a tenant; empty: none.
pub(crate) struct Tenant;

impl Kind<Option<TenantId>> for Tenant {
    fn read(&self, raw: Raw<'_>) -> Result<Option<TenantId>, String> {
        let text = raw.text().ok_or("expected a tenant id in quotation marks")?;
        let parse = || TenantId::parse(text).map_err(|why| format!("expected a tenant id; this one {why}"));
        (!text.is_empty()).then(parse).transpose()
    }

    fn show(&self, value: &Option<TenantId>) -> String {
        literal(value.as_ref().map(TenantId::as_str).unwrap_or_default())
    }
}

/// The items that are not empty; none if this is not a list of texts.
fn split(raw: Raw<'_>) -> Option<Vec<&str>> {
    let items: Vec<&str> = match raw {
        Raw::Toml(Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => raw.text()?.split(',').collect(),
    };
    let items = items.into_iter().map(str::trim);
    Some(items.filter(|item| !item.is_empty()).collect())
}

/// URLs that may hold commas themselves, and each of which passes a check: in a text one ends where the next begins.
pub(crate) struct Urls {
    pub(crate) item: Check,
    pub(crate) schemes: &'static [&'static str],
}

impl Urls {
    fn split<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let (mut urls, mut from) = (Vec::new(), 0);
        for (comma, _) in text.match_indices(',') {
            let next = text[comma + 1..].trim_start();
            if self.schemes.iter().any(|scheme| next.starts_with(scheme)) {
                urls.push(&text[from..comma]);
                from = comma + 1;
            }
        }
        urls.push(&text[from..]);
        urls.into_iter().map(str::trim).filter(|url| !url.is_empty()).collect()
    }
}

impl Kind<Vec<String>> for Urls {
    fn read(&self, raw: Raw<'_>) -> Result<Vec<String>, String> {
        let urls = match raw {
            Raw::Toml(Value::Array(_)) => split(raw),
            _ => raw.text().map(|text| self.split(text)),
        };
        let urls = urls.ok_or("expected a URL in quotation marks, or a list of them")?;
        urls.into_iter().map(self.item).collect()
    }

    fn show(&self, value: &Vec<String>) -> String {
        Value::from(value.clone()).to_string()
    }
}

/// A whole number within bounds, both included.
pub(crate) struct Number(pub(crate) u64, pub(crate) u64);

impl<T: FromStr + Display> Kind<T> for Number {
    fn read(&self, raw: Raw<'_>) -> Result<T, String> {
        raw.parsed::<u64>()
            .filter(|number| (self.0..=self.1).contains(number))
            .and_then(|number| number.to_string().parse().ok())
            .ok_or_else(|| format!("expected a whole number from {} to {}", self.0, self.1))
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// A time in seconds within bounds, both included; fractions are allowed.
pub(crate) struct Seconds(pub(crate) f64, pub(crate) f64);

/// The longest time that a setting takes, 30 days: as milliseconds it fits into 32 bits, as the
/// kernel's timeouts demand.
pub(crate) const SECONDS_MAX: f64 = 30.0 * 86_400.0;

impl Kind<Duration> for Seconds {
    fn read(&self, raw: Raw<'_>) -> Result<Duration, String> {
        raw.parsed()
            .filter(|seconds| (self.0..=self.1).contains(seconds))
            .map(Duration::from_secs_f64)
            .ok_or_else(|| format!("expected a number of seconds from {} to {}", self.0, self.1))
    }

    fn show(&self, value: &Duration) -> String {
        value.as_secs_f64().to_string()
    }
}

/// One of some words.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind<T> for Choice<T> {
    fn read(&self, raw: Raw<'_>) -> Result<T, String> {
        let value = match raw {
            // A word that is a number needs no quotation marks.
            Raw::Toml(Value::Integer(number)) => self.value(&number.to_string()),
            _ => raw.text().and_then(|text| self.value(text.trim())),
        };
        value.ok_or_else(|| format!("expected one of {}", self.words()))
    }

    fn show(&self, value: &T) -> String {
        literal(self.word(*value))
    }
}

impl<T: Copy + PartialEq> Choice<T> {
    fn value(&self, word: &str) -> Option<T> {
        let found = self.0.iter().find(|(known, _)| *known == word);
        found.map(|(_, value)| *value)
    }

    fn word(&self, value: T) -> &'static str {
        let found = self.0.iter().find(|(_, known)| *known == value);
        found.map_or("", |(word, _)| word)
    }

    fn words(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        words.join(", ")
    }
}

/// Some of these words, at least one, as a TOML array or separated by commas.
pub(crate) struct Several<T: 'static>(pub(crate) Choice<T>);

impl Kind<Policies> for Several<Overflow> {
    fn read(&self, raw: Raw<'_>) -> Result<Policies, String> {
        let words = split(raw).filter(|words| !words.is_empty());
        let policies = words.and_then(|words| words.into_iter().map(|word| self.0.value(word)).collect());
        policies.ok_or_else(|| format!("expected a list of some of {}", self.0.words()))
    }

    fn show(&self, value: &Policies) -> String {
        let words: Vec<_> = value.iter().map(|policy| self.0.word(policy)).collect();
        Value::from(words).to_string()
    }
}

/// True or false.
pub(crate) struct Switch;

impl Kind<bool> for Switch {
    fn read(&self, raw: Raw<'_>) -> Result<bool, String> {
        raw.parsed().ok_or_else(|| "expected true or false".to_owned())
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}
