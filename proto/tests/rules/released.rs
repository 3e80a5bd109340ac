//! The API as lines of text, one for each thing that a client can depend on.
//!
//! Invariant: a client that was made for a set of lines works with every later API that has them all. The files in
//! which messages stand are not among the lines: no client knows them.

use prost_types::field_descriptor_proto::Label;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, MethodDescriptorProto};

use crate::api::{Api, enums, messages, short, type_name};
use crate::calls::changes_nothing;

/// All lines: messages, enums and services by name, and in each what it has by number.
pub(crate) fn lines(api: &Api) -> Vec<String> {
    let mut lines = Vec::new();
    let mut messages: Vec<_> = messages(api).collect();
    messages.sort_by_key(|message| message.name());
    lines.extend(messages.into_iter().flat_map(of_message));
    let mut enums: Vec<_> = enums(api).collect();
    enums.sort_by_key(|one| one.name());
    lines.extend(enums.into_iter().flat_map(of_enum));
    for service in api.iter().flat_map(|file| &file.service) {
        let mut calls: Vec<_> = service.method.iter().map(of_call).collect();
        calls.sort();
        lines.push(format!("service {} {{}}", service.name()));
        let line = |call| format!("service {} {{ {call} }}", service.name());
        lines.extend(calls.into_iter().map(line));
    }
    lines
}

fn of_message(message: &DescriptorProto) -> Vec<String> {
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    let mut parts: Vec<_> = fields.into_iter().map(|field| of_field(message, field)).collect();
    for range in &message.reserved_range {
        parts.extend((range.start()..range.end()).map(|number| format!("reserved {number}")));
    }
    parts.extend(reserved_names(&message.reserved_name));
    block("message", message.name(), parts)
}

fn of_field(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let kind = map_type(message, field).unwrap_or_else(|| {
        let label = if field.proto3_optional() {
            "optional "
        } else if field.label() == Label::Repeated {
            "repeated "
        } else {
            ""
        };
        format!("{label}{}", type_name(field))
    });
    let text = format!("{kind} {} = {}", field.name(), field.number());
    match field.oneof_index.filter(|_| !field.proto3_optional()) {
        Some(index) => {
            let oneof = message.oneof_decl[index as usize].name();
            format!("oneof {oneof} {{ {text} }}")
        }
        None => text,
    }
}

/// A map is a repeated nested message to the compiler.
fn map_type(message: &DescriptorProto, field: &FieldDescriptorProto) -> Option<String> {
    let full = field.type_name();
    let mut entries = message.nested_type.iter();
    let entry =
        entries.find(|entry| short(full).strip_prefix(message.name()) == Some(&format!(".{}", entry.name())))?;
    let [key, value] = entry.field.as_slice() else {
        return None;
    };
    Some(format!("map<{}, {}>", type_name(key), type_name(value)))
}

fn of_enum(one: &EnumDescriptorProto) -> Vec<String> {
    let mut values: Vec<_> = one.value.iter().collect();
    values.sort_by_key(|value| value.number());
    let line = |value: &prost_types::EnumValueDescriptorProto| format!("{} = {}", value.name(), value.number());
    let mut parts: Vec<_> = values.into_iter().map(line).collect();
    for range in &one.reserved_range {
        parts.extend((range.start()..=range.end()).map(|number| format!("reserved {number}")));
    }
    parts.extend(reserved_names(&one.reserved_name));
    block("enum", one.name(), parts)
}

fn of_call(call: &MethodDescriptorProto) -> String {
    let stream = |is_stream| if is_stream { "stream " } else { "" };
    format!(
        "{}({}{}) returns ({}{}){}",
        call.name(),
        stream(call.client_streaming()),
        short(call.input_type()),
        stream(call.server_streaming()),
        short(call.output_type()),
        if changes_nothing(call) { ", no side effects" } else { "" }
    )
}

fn reserved_names(names: &[String]) -> impl Iterator<Item = String> {
    names.iter().map(|name| format!("reserved \"{name}\""))
}

/// One line that it is there at all, and one for each part.
fn block(kind: &str, name: &str, parts: Vec<String>) -> Vec<String> {
    let line = |part| format!("{kind} {name} {{ {part} }}");
    [format!("{kind} {name} {{}}")].into_iter().chain(parts.into_iter().map(line)).collect()
}
