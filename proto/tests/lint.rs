//! What the `.proto` files must keep to, so that tools can rely on them.

use std::collections::HashSet;

use floodway_proto::admin::v1::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
};

/// Field numbers of `FileDescriptorProto`, `DescriptorProto` and `ServiceDescriptorProto` in descriptor.proto: the
/// steps of which the path to a comment is made.
const MESSAGE: i32 = 4;
const SERVICE: i32 = 6;
const FIELD: i32 = 2;
const METHOD: i32 = 2;

#[test]
fn the_package_is_named_like_its_folder() {
    let file = file();
    assert_eq!(file.name(), "floodway/admin/v1/admin.proto");
    assert_eq!(file.package(), "floodway.admin.v1");
    assert_eq!(file.syntax(), "proto3");
}

#[test]
fn all_is_commented() {
    let file = file();
    for (place, message) in file.message_type.iter().enumerate() {
        let path = [MESSAGE, place as i32];
        assert_commented(&file, &path, message.name());
        for (place, field) in message.field.iter().enumerate() {
            let path = [path.as_slice(), &[FIELD, place as i32]].concat();
            let name = format!("{}.{}", message.name(), field.name());
            assert_commented(&file, &path, &name);
        }
    }
    for (place, service) in file.service.iter().enumerate() {
        let path = [SERVICE, place as i32];
        assert_commented(&file, &path, service.name());
        for (place, method) in service.method.iter().enumerate() {
            let path = [path.as_slice(), &[METHOD, place as i32]].concat();
            assert_commented(&file, &path, method.name());
        }
    }
}

#[test]
fn field_numbers_and_names_are_unique_and_none_is_reserved() {
    for message in &file().message_type {
        assert_fields(message);
    }
}

#[test]
fn each_call_has_messages_of_its_own_so_that_it_can_grow() {
    let file = file();
    let mut taken = HashSet::new();
    for method in file.service.iter().flat_map(calls) {
        let (input, output) = (method.input_type(), method.output_type());
        let name = |suffix| format!(".{}.{}{suffix}", file.package(), method.name());
        assert_eq!(input, name("Request"));
        assert_eq!(output, name("Response"));
        assert!(taken.insert(input.to_owned()) && taken.insert(output.to_owned()));
    }
    assert!(taken.len() >= 4, "{taken:?}");
}

fn file() -> FileDescriptorProto {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("a descriptor set");
    let is_ours = |file: &FileDescriptorProto| file.package().starts_with("floodway.");
    let mut ours = set.file.into_iter().filter(is_ours);
    let file = ours.next().expect("the file");
    assert!(ours.next().is_none(), "another file is not checked");
    assert!(file.enum_type.is_empty(), "enums are not checked");
    file
}

fn calls(service: &ServiceDescriptorProto) -> &[prost_types::MethodDescriptorProto] {
    &service.method
}

fn assert_commented(file: &FileDescriptorProto, path: &[i32], name: &str) {
    let locations = &file.source_code_info.as_ref().expect("comments").location;
    let is_here = |location: &&Location| location.path == path;
    let comment = locations
        .iter()
        .find(is_here)
        .map(Location::leading_comments);
    let comment = comment.unwrap_or_default().trim();
    assert!(
        comment.ends_with('.') && comment.len() > 1,
        "{name} has no comment: {comment:?}"
    );
}

fn assert_fields(message: &DescriptorProto) {
    let (mut numbers, mut names) = (HashSet::new(), HashSet::new());
    for field in &message.field {
        let what = format!("{}.{} = {}", message.name(), field.name(), field.number());
        assert!(numbers.insert(field.number()), "{what}");
        assert!(names.insert(field.name()), "{what}");
        let reserved = |range: &prost_types::descriptor_proto::ReservedRange| {
            (range.start()..range.end()).contains(&field.number())
        };
        assert!(!message.reserved_range.iter().any(reserved), "{what}");
        assert!(
            !message
                .reserved_name
                .iter()
                .any(|name| name == field.name()),
            "{what}"
        );
    }
}
