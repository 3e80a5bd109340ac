//! The document of limits, as JSON. A limit that is absent is as on the level below.

use std::num::NonZeroUsize;

use serde_json::{Map, Value};

use super::field::{Invalid, object, unknown};
use floodway_core::index::{Overflow, OwnLimits};

/// Reads the document.
pub(super) fn parse(payload: &[u8]) -> Result<OwnLimits, Invalid> {
    let mut limits = OwnLimits::default();
    for (name, value) in object(payload)? {
        let number = |least| number(&name, &value, least);
        match name.as_str() {
            "connections_per_tenant" => limits.connections = Some(number(0)?),
            "queue_size" => limits.queue_size = NonZeroUsize::new(number(1)? as usize),
            "overflow" => limits.overflow = Some(overflow(&value)?),
            "filter_ids" => limits.filter_ids = Some(number(1)? as usize),
            "client_messages_per_second" => limits.client_messages_per_second = Some(number(1)?),
            _ => return Err(unknown(&name)),
        }
    }
    check(&limits)?;
    Ok(limits)
}

/// Checks limits that were not read from a document.
pub(super) fn check(limits: &OwnLimits) -> Result<(), Invalid> {
    let zero = |name| Err(Invalid::new(name, "must be at least 1"));
    match limits {
        _ if limits.is_empty() => Err(Invalid::new("document", "sets no limit")),
        OwnLimits { filter_ids: Some(0), .. } => zero("filter_ids"),
        OwnLimits { client_messages_per_second: Some(0), .. } => zero("client_messages_per_second"),
        _ => Ok(()),
    }
}

pub(super) fn to_json(limits: &OwnLimits) -> Vec<u8> {
    let queue_size = limits.queue_size.map(NonZeroUsize::get);
    let fields = [
        ("connections_per_tenant", limits.connections.map(Value::from)),
        ("queue_size", queue_size.map(Value::from)),
        ("overflow", limits.overflow.map(|policy| policy.name().into())),
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

fn overflow(value: &Value) -> Result<Overflow, Invalid> {
    value.as_str().and_then(Overflow::named).ok_or_else(|| {
        let names = Overflow::NAMED.map(|(name, _)| name).join(", ");
        Invalid::new("overflow", format!("must be one of {names}"))
    })
}
