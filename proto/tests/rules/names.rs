//! Names tell what a thing is, in the style that every generator of code expects.

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

use crate::api::{Api, assert_kept, assert_noticed, call_mut, calls, enum_mut, enums, is_of, message_mut, messages};

#[test]
fn names_are_in_style() {
    assert_kept(out_of_style);
    let rename =
        |name: &'static str| move |api: &mut Api| message_mut(api, "Node").field[1].name = Some(name.to_owned());
    for bad in ["Name", "name_", "_name", "my__name", "2name"] {
        assert_noticed(out_of_style, rename(bad), &format!("Node.{bad}"));
    }
    let rename = |api: &mut Api| {
        message_mut(api, "DisconnectRequest").oneof_decl[0].name = Some("Target".to_owned());
    };
    assert_noticed(out_of_style, rename, "DisconnectRequest.Target");
    let rename = |api: &mut Api| message_mut(api, "Node").name = Some("node".to_owned());
    assert_noticed(out_of_style, rename, "node");
    let rename = |api: &mut Api| call_mut(api, "GetStatus").name = Some("Get_Status".to_owned());
    assert_noticed(out_of_style, rename, "Get_Status");
}

#[test]
fn enums_begin_with_a_zero_that_says_nothing() {
    assert_kept(odd_enums);
    let speak = |api: &mut Api| transport(api).value[0].name = Some("TRANSPORT_ANY".to_owned());
    let offence = "Transport begins with Some((0, \"TRANSPORT_ANY\"))";
    assert_noticed(odd_enums, speak, offence);
    let start_at_one = |api: &mut Api| drop(transport(api).value.remove(0));
    let offence = "Transport begins with Some((1, \"TRANSPORT_WEBSOCKET\"))";
    assert_noticed(odd_enums, start_at_one, offence);
    let alias = |api: &mut Api| {
        let options = transport(api).options.get_or_insert_default();
        options.allow_alias = Some(true);
    };
    assert_noticed(odd_enums, alias, "Transport has aliases");
    for bad in ["SSE", "TRANSPORTSSE", "TRANSPORT_sse", "TRANSPORT__SSE"] {
        let rename = |api: &mut Api| transport(api).value[2].name = Some(bad.to_owned());
        assert_noticed(odd_enums, rename, &format!("Transport.{bad}"));
    }
}

fn transport(api: &mut Api) -> &mut EnumDescriptorProto {
    enum_mut(api, "Transport")
}

#[test]
fn points_in_time_end_in_at() {
    assert_kept(untimely);
    let rename = |api: &mut Api| message_mut(api, "Node").field[3].name = Some("start".to_owned());
    assert_noticed(untimely, rename, "Node.start");
}

#[test]
fn messages_stand_by_themselves() {
    assert_kept(nested);
    let nest = |api: &mut Api| {
        let inner = message_mut(api, "Broker").clone();
        message_mut(api, "Node").nested_type.push(inner);
    };
    assert_noticed(nested, nest, "Node.Broker");
}

fn out_of_style(api: &Api) -> Vec<String> {
    let services = api.iter().flat_map(|file| &file.service);
    let pascal = messages(api)
        .map(DescriptorProto::name)
        .chain(enums(api).map(EnumDescriptorProto::name))
        .chain(services.map(|service| service.name()))
        .chain(calls(api).map(|call| call.name()));
    let pascal = pascal.filter(|name| !is_pascal(name)).map(ToOwned::to_owned);
    pascal.chain(messages(api).flat_map(badly_named_fields)).collect()
}

fn badly_named_fields(message: &DescriptorProto) -> Vec<String> {
    let fields = message.field.iter().map(FieldDescriptorProto::name);
    let oneofs = message.oneof_decl.iter().map(|oneof| oneof.name());
    // The compiler's own, for a field that is `optional`.
    let written = oneofs.filter(|name| !is_made_for_optional(message, name));
    let bad = fields.chain(written).filter(|name| !is_lower(name));
    bad.map(|name| format!("{}.{name}", message.name())).collect()
}

fn is_made_for_optional(message: &DescriptorProto, oneof: &str) -> bool {
    let mut optional = message.field.iter().filter(|field| field.proto3_optional());
    optional.any(|field| oneof == format!("_{}", field.name()))
}

fn odd_enums(api: &Api) -> Vec<String> {
    enums(api).flat_map(odd_values).collect()
}

fn odd_values(one: &EnumDescriptorProto) -> Vec<String> {
    let prefix = upper(one.name());
    let mut offences = Vec::new();
    let first = one.value.first().map(|value| (value.number(), value.name()));
    let unspecified = format!("{prefix}_UNSPECIFIED");
    if first != Some((0, &unspecified)) {
        offences.push(format!("{} begins with {first:?}", one.name()));
    }
    let is_alias = one.options.as_ref().is_some_and(|it| it.allow_alias());
    if is_alias {
        offences.push(format!("{} has aliases", one.name()));
    }
    let is_right = |name: &str| {
        let name = name.strip_prefix(&prefix);
        let name = name.and_then(|name| name.strip_prefix('_'));
        name.is_some_and(|name| is_lower(&name.to_lowercase()) && name == name.to_uppercase())
    };
    let bad = one.value.iter().filter(|value| !is_right(value.name()));
    offences.extend(bad.map(|value| format!("{}.{}", one.name(), value.name())));
    offences
}

fn untimely(api: &Api) -> Vec<String> {
    let fields = messages(api).flat_map(|message| message.field.iter().map(move |it| (message, it)));
    let bad = fields.filter(|(_, field)| {
        is_of(field, "google.protobuf.Timestamp") != field.name().ends_with("_at") && field.name() != "at"
    });
    bad.map(|(message, field)| format!("{}.{}", message.name(), field.name())).collect()
}

fn nested(api: &Api) -> Vec<String> {
    let mut offences = Vec::new();
    for message in messages(api) {
        let is_written = |inner: &&DescriptorProto| {
            let options = inner.options.as_ref();
            !options.is_some_and(|options| options.map_entry())
        };
        let inner = message.nested_type.iter().filter(is_written);
        let names = inner.map(DescriptorProto::name);
        let names = names.chain(message.enum_type.iter().map(|inner| inner.name()));
        offences.extend(names.map(|name| format!("{}.{name}", message.name())));
    }
    offences
}

/// `lower_snake_case`, digits allowed where a word goes on.
pub(crate) fn is_lower(name: &str) -> bool {
    name.split('_').all(|word| {
        let is_of_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !word.is_empty() && word.chars().all(is_of_word)
    }) && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// `PascalCase`.
fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `PascalCase` as `UPPER_SNAKE_CASE`.
fn upper(name: &str) -> String {
    let mut upper = String::new();
    for (place, c) in name.char_indices() {
        if place > 0 && c.is_ascii_uppercase() {
            upper.push('_');
        }
        upper.push(c.to_ascii_uppercase());
    }
    upper
}
