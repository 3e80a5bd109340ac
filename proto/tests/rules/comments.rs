//! All that has a name is explained: reflection shows the comments, and people read nothing else.

use std::collections::HashMap;

use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::api::{Api, api, assert_kept};

/// Field numbers of descriptor.proto: the steps of which the path to a comment is made.
const MESSAGE: i32 = 4;
const ENUM: i32 = 5;
const SERVICE: i32 = 6;
const SYNTAX: i32 = 12;
/// Fields of a message, values of an enum, calls of a service.
const MEMBER: i32 = 2;
const ONEOF: i32 = 8;

#[test]
fn all_is_commented() {
    assert_kept(uncommented);
}

#[test]
fn each_missing_comment_is_noticed() {
    let whole = api();
    for (place, file) in whole.iter().enumerate() {
        for (path, name) in named(file) {
            let mut broken = whole.clone();
            let source = broken[place].source_code_info.as_mut().expect("comments");
            source.location.retain(|location| location.path != path);
            assert_eq!(uncommented(&broken), [format!("{name}: \"\"")]);
        }
    }
}

fn uncommented(api: &Api) -> Vec<String> {
    let mut offences = Vec::new();
    for file in api {
        let comments = comments(file);
        for (path, name) in named(file) {
            let comment = comments.get(path.as_slice()).copied().unwrap_or_default().trim();
            if comment.len() < 2 || !comment.ends_with('.') {
                offences.push(format!("{name}: {comment:?}"));
            }
        }
    }
    offences
}

/// What stands right before each place; before the first line of a file, what stands at its head.
fn comments(file: &FileDescriptorProto) -> HashMap<&[i32], &str> {
    let locations = &file.source_code_info.as_ref().expect("comments").location;
    let comments = locations.iter().map(|location| {
        let head = location.leading_detached_comments.first();
        let is_head = location.path == [SYNTAX];
        let comment = head.filter(|_| is_head).or(location.leading_comments.as_ref());
        let comment = comment.map_or("", String::as_str);
        (location.path.as_slice(), comment)
    });
    comments.collect()
}

/// All that needs a comment, with the path to it.
fn named(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let mut named = vec![(vec![SYNTAX], file.name().to_owned())];
    for (place, message) in file.message_type.iter().enumerate() {
        named.extend(in_message(&[MESSAGE, place as i32], message));
    }
    for (place, one) in file.enum_type.iter().enumerate() {
        let values = one.value.iter().map(|value| value.name());
        named.extend(members(&[ENUM, place as i32], one.name(), MEMBER, values));
    }
    for (place, service) in file.service.iter().enumerate() {
        let calls = service.method.iter().map(|call| call.name());
        let path = [SERVICE, place as i32];
        named.extend(members(&path, service.name(), MEMBER, calls));
    }
    named
}

fn in_message(path: &[i32], message: &DescriptorProto) -> Vec<(Vec<i32>, String)> {
    let fields = message.field.iter().map(|field| field.name());
    // The compiler makes a oneof of its own, behind all others, of each field that is `optional`.
    let oneofs = message.oneof_decl.iter().map(|oneof| oneof.name());
    let written = oneofs.filter(|name| !name.starts_with('_'));
    let mut named = members(path, message.name(), MEMBER, fields);
    named.extend(members(path, message.name(), ONEOF, written).split_off(1));
    named
}

/// The owner at `path`, and then its members.
fn members<'a>(path: &[i32], owner: &str, step: i32, names: impl Iterator<Item = &'a str>) -> Vec<(Vec<i32>, String)> {
    let member = |(place, name): (usize, &str)| {
        let path = [path, &[step, place as i32]].concat();
        (path, format!("{owner}.{name}"))
    };
    let owner = (path.to_vec(), owner.to_owned());
    [owner].into_iter().chain(names.enumerate().map(member)).collect()
}
