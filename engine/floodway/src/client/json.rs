//! Any message of the admin API as JSON, for scripts.
//!
//! Names and numbers are those of the `.proto` files. A time is RFC 3339, a duration is in seconds under a key that
//! ends in `_seconds`, a word of an enumeration is written without the enumeration's name: `"websocket"`. What is absent
//! in the message is absent here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use floodway_proto::admin::v1::FILE_DESCRIPTOR_SET;
use prost_reflect::prost::Name;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};

const TIME: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";

static MESSAGES: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build made this descriptor set"));

/// Writes a message as JSON.
pub(crate) struct Json<'a, M>(pub(crate) &'a M);

impl<M: Name> Serialize for Json<'_, M> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let descriptor = MESSAGES.get_message_by_name(&M::full_name());
        let descriptor = descriptor.expect("a message of the package");
        let same = DynamicMessage::decode(descriptor, self.0.encode_to_vec().as_slice());
        message(&same.expect("the same message on both sides"), to)
    }
}

/// A value, and the field that it is of.
struct Part<'a> {
    field: &'a FieldDescriptor,
    value: &'a Value,
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let field = self.field;
        match self.value {
            Value::Bool(value) => to.serialize_bool(*value),
            Value::I32(value) => to.serialize_i32(*value),
            Value::I64(value) => to.serialize_i64(*value),
            Value::U32(value) => to.serialize_u32(*value),
            Value::U64(value) => to.serialize_u64(*value),
            Value::F32(value) => to.serialize_f32(*value),
            Value::F64(value) => to.serialize_f64(*value),
            Value::String(value) => to.serialize_str(value),
            Value::Bytes(value) => to.serialize_str(&String::from_utf8_lossy(value)),
            Value::EnumNumber(number) => word(field, *number, to),
            Value::Message(value) => message(value, to),
            Value::List(values) => to.collect_seq(values.iter().map(|value| Part { field, value })),
            Value::Map(values) => {
                let sorted: BTreeMap<_, &Value> = values.iter().collect();
                let Kind::Message(entry) = field.kind() else {
                    unreachable!("a map is a list of entries");
                };
                let field = &entry.map_entry_value_field();
                let parts = sorted.into_iter().map(|(key, value)| {
                    let key = key.as_str().expect("maps have names as keys");
                    (key, Part { field, value })
                });
                to.collect_map(parts)
            }
        }
    }
}

fn message<S: Serializer>(message: &DynamicMessage, to: S) -> Result<S::Ok, S::Error> {
    match message.descriptor().full_name() {
        TIME => time(message, to),
        DURATION => seconds(message, to),
        _ => fields(message, to),
    }
}

fn fields<S: Serializer>(message: &DynamicMessage, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    for field in message.descriptor().fields() {
        if field.supports_presence() && !message.has_field(&field) {
            continue;
        }
        let part = Part { field: &field, value: &message.get_field(&field) };
        if is_duration(&field) {
            map.serialize_entry(&format!("{}_seconds", field.name()), &part)?;
        } else {
            map.serialize_entry(field.name(), &part)?;
        }
    }
    map.end()
}

fn is_duration(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(kind) if kind.full_name() == DURATION)
}

fn time<S: Serializer>(message: &DynamicMessage, to: S) -> Result<S::Ok, S::Error> {
    let mut time: prost_types::Timestamp = message.transcode_to().map_err(S::Error::custom)?;
    // No clock that counts here is exact beyond that.
    time.nanos -= time.nanos % 1_000_000;
    to.collect_str(&time)
}

fn seconds<S: Serializer>(message: &DynamicMessage, to: S) -> Result<S::Ok, S::Error> {
    let duration: prost_types::Duration = message.transcode_to().map_err(S::Error::custom)?;
    to.serialize_f64(duration.seconds as f64 + f64::from(duration.nanos / 1_000_000) / 1000.0)
}

/// The word for `number`; a number that this command does not know stays one.
fn word<S: Serializer>(field: &FieldDescriptor, number: i32, to: S) -> Result<S::Ok, S::Error> {
    let Kind::Enum(words) = field.kind() else {
        return to.serialize_i32(number);
    };
    let Some(value) = words.get_value(number) else {
        return to.serialize_i32(number);
    };
    // All words of an enumeration begin as its first one, such as `OVERFLOW_POLICY_UNSPECIFIED`.
    let first = words.default_value();
    let prefix = first.name().trim_end_matches("UNSPECIFIED");
    to.serialize_str(&value.name().trim_start_matches(prefix).to_lowercase())
}

#[cfg(test)]
mod tests;
