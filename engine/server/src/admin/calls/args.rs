//! Arguments, read and refused by name.

use std::fmt::Display;
use std::time::Duration;

use tonic::Status;

use floodway_protocol::names::{DeviceId, GroupId, TenantId};
use floodway_sources::control::WriteError;

/// INVALID_ARGUMENT for this field.
pub(super) fn bad(field: &str, reason: impl Display) -> Status {
    Status::invalid_argument(format!("{field}: {reason}"))
}

/// A tenant that must be given.
pub(super) fn tenant(field: &str, text: &str) -> Result<TenantId, Status> {
    TenantId::parse(text).map_err(|error| bad(field, error))
}

/// A tenant, or none if the field is empty.
pub(super) fn tenant_or_none(field: &str, text: &str) -> Result<Option<TenantId>, Status> {
    (!text.is_empty()).then(|| tenant(field, text)).transpose()
}

/// A group that must be given.
pub(super) fn group(field: &str, text: &str) -> Result<GroupId, Status> {
    GroupId::parse(text).map_err(|error| bad(field, error))
}

/// Devices; the first that is none is named by its index.
pub(super) fn devices(field: &str, texts: &[String]) -> Result<Vec<DeviceId>, Status> {
    let parse =
        |(at, text): (usize, &String)| DeviceId::parse(text).map_err(|error| bad(&format!("{field}[{at}]"), error));
    texts.iter().enumerate().map(parse).collect()
}

/// Groups, likewise.
pub(super) fn groups(field: &str, texts: &[String]) -> Result<Vec<GroupId>, Status> {
    let parse = |(at, text): (usize, &String)| group(&format!("{field}[{at}]"), text);
    texts.iter().enumerate().map(parse).collect()
}

/// A duration within bounds, or none if the field is absent.
pub(super) fn duration(
    field: &str,
    asked: Option<prost_types::Duration>,
    min: Duration,
    max: Duration,
) -> Result<Option<Duration>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    let duration = Duration::try_from(asked).ok();
    let duration = duration.filter(|duration| (min..=max).contains(duration));
    duration
        .map(Some)
        .ok_or_else(|| bad(field, format!("must be from {min:?} to {max:?}, is {asked}")))
}

/// The status of a write that was not done, for a document that `field` holds.
pub(super) fn not_written(field: &str, error: WriteError) -> Status {
    match error {
        WriteError::Unavailable(_) => Status::unavailable(error.to_string()),
        WriteError::Refused(_) => Status::unavailable(error.to_string()),
        WriteError::NotFound => Status::not_found(error.to_string()),
        WriteError::Invalid(invalid) => {
            // The document has another word for them than the API.
            let of_document = invalid.field.replacen("devices", "device_ids", 1);
            bad(&format!("{field}.{of_document}"), invalid.reason)
        }
        WriteError::Exceeded { .. } => Status::resource_exhausted(error.to_string()),
    }
}
