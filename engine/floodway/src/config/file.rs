//! The TOML file: read, and taken apart into keys and values.

use std::path::Path;

use toml::{Table, Value};

use super::error::ConfigError;
use super::unknown::is_section;

/// Reads a TOML file.
pub(super) fn read(path: &Path) -> Result<Table, ConfigError> {
    let failed = |why: String| ConfigError::File { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    text.parse().map_err(|error| failed(not_toml(&text, &error)))
}

/// The cause and its line. The error's own text would repeat the line, which may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}

/// Calls `each` with every key, in dotted form, and its value.
pub(super) fn walk(table: &Table, each: &mut dyn FnMut(&str, &Value)) {
    walk_below("", table, each);
}

fn walk_below(section: &str, table: &Table, each: &mut dyn FnMut(&str, &Value)) {
    for (name, value) in table {
        let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        match value {
            Value::Table(inner) if !inner.is_empty() => walk_below(&key, inner, each),
            Value::Table(_) if is_section(&key) => {}
            _ => each(&key, value),
        }
    }
}
