//! The documents as JSON, read with errors that name the field.

use std::num::NonZeroUsize;

use serde_json::{Map, Value, json};

use floodway_core::index::{Overflow, OwnLimits, Policies};
use floodway_protocol::names::DeviceId;

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

/// A group's members. Sorted, each once: two groups with the same members are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    devices: Vec<DeviceId>,
}

impl Group {
    /// A group of these devices, `most` at most. One without any is allowed: it has no members yet.
    ///
    /// # Errors
    /// Names the position of the first name that is none, or `devices` if there are too many.
    pub fn new<'a>(devices: impl IntoIterator<Item = &'a str>, most: usize) -> Result<Self, Invalid> {
        let mut members = Vec::new();
        for (position, name) in devices.into_iter().enumerate() {
            if position == most {
                let reason = format!("are more than {most} (control.group_devices)");
                return Err(Invalid::new("devices", reason));
            }
            members.push(DeviceId::parse(name).map_err(|bad| at(position, bad.to_string()))?);
        }
        members.sort_unstable();
        members.dedup();
        Ok(Self { devices: members })
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn parse(payload: &[u8], most: usize) -> Result<Self, Invalid> {
        let mut fields = object(payload)?;
        let devices = fields.remove("devices");
        if let Some((name, _)) = fields.into_iter().next() {
            return Err(unknown(&name));
        }
        let Some(Value::Array(devices)) = devices else {
            return Err(Invalid::new("devices", "must be a list of names"));
        };
        let texts: Result<Vec<&str>, Invalid> = devices
            .iter()
            .enumerate()
            .map(|(position, name)| name.as_str().ok_or_else(|| at(position, "is not a text".to_owned())))
            .collect();
        Self::new(texts?, most)
    }

    /// Its members, sorted.
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let devices: Vec<&str> = self.devices.iter().map(DeviceId::as_str).collect();
        json!({ "devices": devices }).to_string().into_bytes()
    }
}

fn at(position: usize, reason: String) -> Invalid {
    Invalid::new(format!("devices[{position}]"), reason)
}

/// Reads the document of limits. A limit that is absent is as on the level below.
pub(super) fn parse_limits(payload: &[u8]) -> Result<OwnLimits, Invalid> {
    let mut limits = OwnLimits::default();
    for (name, value) in object(payload)? {
        let number = |least| number(&name, &value, least);
        match name.as_str() {
            "connections_per_tenant" => limits.connections = Some(number(0)?),
            "queue_size" => limits.queue_size = NonZeroUsize::new(number(1)? as usize),
            "overflow" => limits.overflow = Some(overflow(&name, &value)?),
            "overflow_allowed" => limits.overflow_allowed = Some(policies(&name, &value)?),
            "filter_ids" => limits.filter_ids = Some(number(1)? as usize),
            "client_messages_per_second" => limits.client_messages_per_second = Some(number(1)?),
            _ => return Err(unknown(&name)),
        }
    }
    check_limits(&limits)?;
    Ok(limits)
}

/// Checks limits that were not read from a document.
pub(super) fn check_limits(limits: &OwnLimits) -> Result<(), Invalid> {
    let zero = |name| Err(Invalid::new(name, "must be at least 1"));
    match limits {
        _ if limits.is_empty() => Err(Invalid::new("document", "sets no limit")),
        OwnLimits { overflow_allowed: Some(none), .. } if none.is_empty() => {
            Err(Invalid::new("overflow_allowed", "must name at least one policy"))
        }
        OwnLimits { filter_ids: Some(0), .. } => zero("filter_ids"),
        OwnLimits { client_messages_per_second: Some(0), .. } => zero("client_messages_per_second"),
        _ => Ok(()),
    }
}

pub(super) fn limits_to_json(limits: &OwnLimits) -> Vec<u8> {
    let fields = [
        ("connections_per_tenant", limits.connections.map(Value::from)),
        ("queue_size", limits.queue_size.map(|size| size.get().into())),
        ("overflow", limits.overflow.map(|policy| policy.name().into())),
        (
            "overflow_allowed",
            limits.overflow_allowed.map(|allowed| allowed.iter().map(Overflow::name).collect()),
        ),
        ("filter_ids", limits.filter_ids.map(Value::from)),
        ("client_messages_per_second", limits.client_messages_per_second.map(Value::from)),
    ];
    let set = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect::<Map<_, _>>()).to_string().into_bytes()
}

fn number(name: &str, value: &Value, least: u32) -> Result<u32, Invalid> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number >= least).ok_or_else(|| {
        let reason = format!("must be a whole number from {least} to {}", u32::MAX);
        Invalid::new(name, reason)
    })
}

fn overflow(name: &str, value: &Value) -> Result<Overflow, Invalid> {
    let policy = value.as_str().and_then(Overflow::named);
    policy.ok_or_else(|| Invalid::new(name, format!("must be one of {}", Policies::default())))
}

fn policies(name: &str, value: &Value) -> Result<Policies, Invalid> {
    let names = value.as_array().ok_or_else(|| Invalid::new(name, "must be a list of policies"))?;
    let policies = names.iter().enumerate();
    policies.map(|(nth, value)| overflow(&format!("{name}[{nth}]"), value)).collect()
}
