//! Reading the fields of a document, with errors that name them.

use serde_json::{Map, Value};

/// A field, and what is wrong with it. Never repeats a value: it may be hostile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// As in the document, such as `queue_size` or `devices[3]`.
    pub field: String,
    /// What is wrong, as a clause.
    pub reason: String,
}

impl Invalid {
    pub(super) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let (field, reason) = (field.into(), reason.into());
        Self { field, reason }
    }
}

/// The fields of `payload`, a JSON object.
pub(super) fn object(payload: &[u8]) -> Result<Map<String, Value>, Invalid> {
    let value =
        serde_json::from_slice(payload).map_err(|error| Invalid::new("document", format!("is not JSON: {error}")))?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Invalid::new("document", "is not a JSON object")),
    }
}

/// The error for a field that no document of this kind has.
pub(super) fn unknown(name: &str) -> Invalid {
    let name: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    Invalid::new(name, "is not known here")
}
