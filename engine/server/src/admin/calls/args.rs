//! Arguments, read and refused by name.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use tonic::Status;

use super::Answer;
use floodway_protocol::names::{DeviceId, GroupId, TenantId};
use floodway_sources::control::WriteError;

/// INVALID_ARGUMENT for this field.
pub(super) fn bad(field: &str, reason: impl Display) -> Status {
    Status::invalid_argument(format!("{field}: {reason}"))
}

/// A tenant that must be given.
pub(super) fn tenant(field: &str, text: &str) -> Answer<TenantId> {
    TenantId::parse(text).map_err(|error| bad(field, error))
}

/// A tenant, or none if the field is empty.
pub(super) fn tenant_or_none(field: &str, text: &str) -> Answer<Option<TenantId>> {
    (!text.is_empty()).then(|| tenant(field, text)).transpose()
}

/// A group that must be given.
pub(super) fn group(field: &str, text: &str) -> Answer<GroupId> {
    GroupId::parse(text).map_err(|error| bad(field, error))
}

/// Devices; the first that is none is named by its index.
pub(super) fn devices(field: &str, texts: &[String]) -> Answer<Vec<DeviceId>> {
    let parse =
        |(at, text): (usize, &String)| DeviceId::parse(text).map_err(|error| bad(&format!("{field}[{at}]"), error));
    texts.iter().enumerate().map(parse).collect()
}

/// Groups, likewise.
pub(super) fn groups(field: &str, texts: &[String]) -> Answer<Vec<GroupId>> {
    let parse = |(at, text): (usize, &String)| group(&format!("{field}[{at}]"), text);
    texts.iter().enumerate().map(parse).collect()
}

/// A duration within bounds, or none if the field is absent.
pub(super) fn duration(
    field: &str,
    asked: Option<prost_types::Duration>,
    bounds: RangeInclusive<Duration>,
) -> Answer<Option<Duration>> {
    let Some(asked) = asked else { return Ok(None) };
    match Duration::try_from(asked) {
        Ok(duration) if bounds.contains(&duration) => Ok(Some(duration)),
        _ => Err(bad(field, format!("must be from {:?} to {:?}, is {asked}", bounds.start(), bounds.end()))),
    }
}

/// The status of a write that was not done, for a document that `field` holds.
pub(super) fn not_written(field: &str, error: WriteError) -> Status {
    match error {
        WriteError::Unavailable(_) | WriteError::Refused(_) => Status::unavailable(error.to_string()),
        WriteError::NotFound => Status::not_found(error.to_string()),
        WriteError::Invalid(invalid) => {
            // The document has another word for them than the API.
            let of_document = invalid.field.replacen("devices", "device_ids", 1);
            bad(&format!("{field}.{of_document}"), invalid.reason)
        }
        WriteError::Exceeded { .. } => Status::resource_exhausted(error.to_string()),
    }
}
