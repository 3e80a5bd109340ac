//! How what people type as flags is read.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use floodway_protocol::names::{self, BadName};

/// Reads one of some words. A second word for the same value is understood and not shown.
pub(super) fn one_of<T>(words: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T>
where
    T: Copy + PartialEq + Send + Sync,
{
    let shown = words.iter().enumerate().map(|(at, (word, value))| {
        let is_alias = words[..at].iter().any(|(_, known)| known == value);
        PossibleValue::new(word).hide(is_alias)
    });
    PossibleValuesParser::new(shown).map(|given| {
        let found = words.iter().find(|(word, _)| *word == given);
        found.expect("clap takes no other").1
    })
}

/// Reads the id of a tenant, device or group.
pub(super) fn name(text: &str) -> Result<String, BadName> {
    names::check(text).map(|()| text.to_owned())
}

/// Reads a duration such as 60s.
pub(super) fn span(text: &str) -> Result<prost_types::Duration, String> {
    let span = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    span.try_into().map_err(|_| "is too long".to_owned())
}
