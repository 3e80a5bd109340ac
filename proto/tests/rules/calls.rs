//! Calls can grow, lists come in pages, and it can be told from a call whether it changes something.

use std::collections::HashSet;

use prost_types::MethodDescriptorProto;
use prost_types::field_descriptor_proto::Label;
use prost_types::method_options::IdempotencyLevel;

use crate::api::{Api, PACKAGE, assert_kept, assert_noticed, call_mut, calls, is_of, message, message_mut};

/// How the calls begin that change nothing.
const READS: [&str; 5] = ["Get", "List", "Watch", "Tail", "Explain"];

#[test]
fn each_call_has_messages_of_its_own_so_that_it_can_grow() {
    assert_kept(shared_messages);
    let share = |api: &mut Api| {
        let request = format!(".{PACKAGE}.GetStatusRequest");
        call_mut(api, "WatchStatus").input_type = Some(request);
    };
    assert_noticed(shared_messages, share, "WatchStatus: GetStatusRequest, WatchStatusResponse");
}

#[test]
fn calls_that_change_nothing_say_so() {
    assert_kept(wrongly_marked);
    let unmark = |api: &mut Api| call_mut(api, "GetStatus").options = None;
    assert_noticed(wrongly_marked, unmark, "GetStatus");
    let rename = |api: &mut Api| call_mut(api, "GetStatus").name = Some("SetStatus".to_owned());
    assert_noticed(wrongly_marked, rename, "SetStatus");
}

#[test]
fn lists_come_in_pages() {
    assert_kept(unpaged);
    let list = |api: &mut Api| call_mut(api, "GetStatus").name = Some("ListStatus".to_owned());
    assert_noticed(unpaged, list, "ListStatus");
    let size = |api: &mut Api| drop(message_mut(api, "ListGroupsRequest").field.remove(1));
    assert_noticed(unpaged, size, "ListGroups");
    let next = |api: &mut Api| drop(message_mut(api, "ListTenantsResponse").field.pop());
    assert_noticed(unpaged, next, "ListTenants");
}

fn shared_messages(api: &Api) -> Vec<String> {
    let mut taken = HashSet::new();
    let bad = calls(api).filter(|call| {
        let (input, output) = (call.input_type(), call.output_type());
        let named = |suffix| format!(".{PACKAGE}.{}{suffix}", call.name());
        let is_named = input == named("Request") && output == named("Response");
        let is_new = taken.insert(input) & taken.insert(output);
        !is_named || !is_new
    });
    let offence = |call: &MethodDescriptorProto| {
        let (input, output) = (call.input_type(), call.output_type());
        let short = crate::api::short;
        format!("{}: {}, {}", call.name(), short(input), short(output))
    };
    bad.map(offence).collect()
}

fn wrongly_marked(api: &Api) -> Vec<String> {
    let bad = calls(api).filter(|call| {
        let is_read = READS.iter().any(|read| call.name().starts_with(read));
        is_read != changes_nothing(call)
    });
    bad.map(|call| call.name().to_owned()).collect()
}

/// Whether the call is marked as one that changes nothing.
pub(crate) fn changes_nothing(call: &MethodDescriptorProto) -> bool {
    let level = call.options.as_ref().map(|it| it.idempotency_level());
    level == Some(IdempotencyLevel::NoSideEffects)
}

/// AIP-158 of google.api.
fn unpaged(api: &Api) -> Vec<String> {
    let lists = calls(api).filter(|call| call.name().starts_with("List"));
    let bad = lists.filter(|call| !is_paged(api, call));
    bad.map(|call| call.name().to_owned()).collect()
}

fn is_paged(api: &Api, call: &MethodDescriptorProto) -> bool {
    let has = |of: &str, name: &str, kind: &str| {
        let mut fields = message(api, of).into_iter().flat_map(|it| &it.field);
        fields.any(|field| field.name() == name && is_of(field, kind))
    };
    let answer = message(api, call.output_type());
    let repeated = |of: &&prost_types::FieldDescriptorProto| of.label() == Label::Repeated;
    let lists = answer.map_or(0, |it| it.field.iter().filter(repeated).count());
    has(call.input_type(), "page_size", "int32")
        && has(call.input_type(), "page_token", "string")
        && has(call.output_type(), "next_page_token", "string")
        && lists == 1
}
