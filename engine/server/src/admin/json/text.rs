//! A message as JSON, and JSON as a message: proto3's own mapping, with the descriptors as its only model.
//!
//! Names are written in lowerCamelCase, and read in that and in the spelling of the `.proto` files. 64-bit integers are written as
//! texts, since numbers of JavaScript do not hold them, and fields at their default value as well; what has no value is left out.

use prost_reflect::prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::Status;

/// The message that `json` is, encoded. Something unknown in it is refused by its name: it was meant to say something.
pub(super) fn read(kind: MessageDescriptor, json: &[u8]) -> Result<Vec<u8>, Status> {
    let name = kind.name().to_owned();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let read = DynamicMessage::deserialize_with_options(kind, &mut reader, &options);
    let read = read.and_then(|message| reader.end().map(|()| message.encode_to_vec()));
    let hint = if json.trim_ascii().is_empty() { "; {} says nothing" } else { "" };
    read.map_err(|error| Status::invalid_argument(format!("no JSON of a {name}: {error}{hint}")))
}

/// The JSON of an encoded message.
pub(super) fn write(kind: MessageDescriptor, message: &[u8]) -> Result<String, Status> {
    let failed = |error: &dyn std::fmt::Display| Status::internal(format!("the answer is no JSON: {error}"));
    let message = DynamicMessage::decode(kind, message).map_err(|error| failed(&error))?;
    let mut text = Vec::new();
    let options = SerializeOptions::new().skip_default_fields(false);
    let written = message.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options);
    written.map_err(|error| failed(&error))?;
    String::from_utf8(text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests;
