//! A number means one thing for ever.

use std::collections::HashSet;

use prost_types::{DescriptorProto, EnumDescriptorProto};

use crate::api::{Api, assert_kept, assert_noticed, enum_mut, enums, message_mut, messages};

/// Kept back for protobuf itself.
const OF_PROTOBUF: std::ops::Range<i32> = 19_000..20_000;

/// Numbers or names that must not be used.
struct Reserved<'a> {
    ranges: Vec<std::ops::Range<i32>>,
    names: &'a [String],
}

#[test]
fn numbers_and_names_are_used_once_and_those_reserved_never() {
    assert_kept(reused);
}

#[test]
fn a_number_that_is_used_again_is_noticed() {
    let again = |api: &mut Api| message_mut(api, "Broker").field[1].number = Some(1);
    assert_noticed(reused, again, "Broker.urls = 1");
    let of_protobuf = |api: &mut Api| message_mut(api, "Broker").field[1].number = Some(19_000);
    assert_noticed(reused, of_protobuf, "Broker.urls = 19000");
    let again = |api: &mut Api| {
        message_mut(api, "Broker").field[1].name = Some("connected".to_owned());
    };
    assert_noticed(reused, again, "Broker.connected = 2");
    let again = |api: &mut Api| enum_mut(api, "Transport").value[2].number = Some(1);
    assert_noticed(reused, again, "Transport.TRANSPORT_SSE = 1");
}

#[test]
fn what_is_reserved_is_noticed() {
    let number = |api: &mut Api| {
        let range = prost_types::descriptor_proto::ReservedRange { start: Some(2), end: Some(3) };
        message_mut(api, "Broker").reserved_range.push(range);
    };
    assert_noticed(reused, number, "Broker.urls = 2");
    let name = |api: &mut Api| {
        let names = &mut message_mut(api, "Broker").reserved_name;
        names.push("reconnects".to_owned());
    };
    assert_noticed(reused, name, "Broker.reconnects = 3");
    let value = |api: &mut Api| {
        let range = prost_types::enum_descriptor_proto::EnumReservedRange { start: Some(2), end: Some(2) };
        enum_mut(api, "Transport").reserved_range.push(range);
    };
    assert_noticed(reused, value, "Transport.TRANSPORT_SSE = 2");
}

fn reused(api: &Api) -> Vec<String> {
    let of_messages = messages(api).flat_map(in_message);
    of_messages.chain(enums(api).flat_map(in_enum)).collect()
}

fn in_message(message: &DescriptorProto) -> Vec<String> {
    let ranges = message.reserved_range.iter();
    let ranges = ranges.map(|range| range.start()..range.end());
    let reserved = Reserved { ranges: ranges.chain([OF_PROTOBUF]).collect(), names: &message.reserved_name };
    let fields = message.field.iter();
    let fields = fields.map(|field| (field.name(), field.number()));
    reserved.offences(message.name(), fields)
}

fn in_enum(one: &EnumDescriptorProto) -> Vec<String> {
    // Both ends are included here (descriptor.proto, EnumReservedRange).
    let ranges = one.reserved_range.iter();
    let ranges = ranges.map(|range| range.start()..range.end() + 1);
    let reserved = Reserved { ranges: ranges.collect(), names: &one.reserved_name };
    let values = one.value.iter();
    let values = values.map(|value| (value.name(), value.number()));
    reserved.offences(one.name(), values)
}

impl Reserved<'_> {
    fn offences<'a>(&self, owner: &str, members: impl Iterator<Item = (&'a str, i32)>) -> Vec<String> {
        let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
        let bad = members.filter(|&(name, number)| {
            let is_new = names.insert(name) & numbers.insert(number);
            !is_new || self.has(name, number)
        });
        bad.map(|(name, number)| format!("{owner}.{name} = {number}")).collect()
    }

    fn has(&self, name: &str, number: i32) -> bool {
        self.ranges.iter().any(|range| range.contains(&number)) || self.names.iter().any(|reserved| reserved == name)
    }
}
