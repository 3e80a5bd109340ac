//! The API as the compiler understood it, and what every rule needs.

use floodway_proto::admin::v1::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto,
};

/// The one package.
pub(crate) const PACKAGE: &str = "floodway.admin.v1";

/// The files of the package, without those that they import.
pub(crate) type Api = Vec<FileDescriptorProto>;

/// A rule: what offends against it, a line each.
pub(crate) type Rule = fn(&Api) -> Vec<String>;

/// All that is ours.
pub(crate) fn api() -> Api {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("a descriptor set");
    let is_ours = |file: &FileDescriptorProto| !file.name().starts_with("google/");
    let ours: Api = set.file.into_iter().filter(is_ours).collect();
    assert!(calls(&ours).count() > 0, "the service is found");
    ours
}

pub(crate) fn messages(api: &Api) -> impl Iterator<Item = &DescriptorProto> {
    api.iter().flat_map(|file| &file.message_type)
}

pub(crate) fn enums(api: &Api) -> impl Iterator<Item = &EnumDescriptorProto> {
    api.iter().flat_map(|file| &file.enum_type)
}

pub(crate) fn calls(api: &Api) -> impl Iterator<Item = &MethodDescriptorProto> {
    let services = api.iter().flat_map(|file| &file.service);
    services.flat_map(|service| &service.method)
}

/// The message with this name; calls and fields name it with a dot and the package before it.
pub(crate) fn message<'a>(api: &'a Api, name: &str) -> Option<&'a DescriptorProto> {
    let name = short(name);
    messages(api).find(|message| message.name() == name)
}

/// A type's name without the dot and, where it is ours, the package.
pub(crate) fn short(name: &str) -> &str {
    let name = name.trim_start_matches('.');
    let ours = name.strip_prefix(PACKAGE).and_then(|name| name.strip_prefix('.'));
    ours.unwrap_or(name)
}

/// Whether a field has this type, such as `string` or `google.protobuf.Timestamp`.
pub(crate) fn is_of(field: &FieldDescriptorProto, name: &str) -> bool {
    type_name(field) == name
}

/// A field's type as a `.proto` file has it.
pub(crate) fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => short(field.type_name()).to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    }
}

/// Asserts that nothing in the API offends against `rule`.
#[track_caller]
pub(crate) fn assert_kept(rule: Rule) {
    let offences = rule(&api());
    assert!(offences.is_empty(), "{offences:#?}");
}

/// Asserts that `rule` finds exactly `offence` once `change` has broken the API.
#[track_caller]
pub(crate) fn assert_noticed(rule: Rule, change: impl FnOnce(&mut Api), offence: &str) {
    let mut broken = api();
    change(&mut broken);
    assert_eq!(rule(&broken), [offence]);
}

/// The message with this name, to be broken.
pub(crate) fn message_mut<'a>(api: &'a mut Api, name: &str) -> &'a mut DescriptorProto {
    let mut messages = api.iter_mut().flat_map(|file| &mut file.message_type);
    messages.find(|message| message.name() == name).expect("the message")
}

/// The call with this name, to be broken.
pub(crate) fn call_mut<'a>(api: &'a mut Api, name: &str) -> &'a mut MethodDescriptorProto {
    let services = api.iter_mut().flat_map(|file| &mut file.service);
    let mut calls = services.flat_map(|service| &mut service.method);
    calls.find(|call| call.name() == name).expect("the call")
}

/// The enum with this name, to be broken.
pub(crate) fn enum_mut<'a>(api: &'a mut Api, name: &str) -> &'a mut EnumDescriptorProto {
    let mut enums = api.iter_mut().flat_map(|file| &mut file.enum_type);
    enums.find(|one| one.name() == name).expect("the enum")
}
