//! Files lie where tools look for them, and import what they need.

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::api::{Api, PACKAGE, api, assert_kept, assert_noticed, short};
use crate::names::is_lower;

#[test]
fn files_lie_in_the_folder_of_their_package() {
    assert_kept(misplaced);
    let move_away = |api: &mut Api| api[0].package = Some("floodway.v1".to_owned());
    let name = api()[0].name().to_owned();
    let offence = format!("{name}: floodway.v1, proto3");
    assert_noticed(misplaced, move_away, &offence);
}

#[test]
fn what_is_imported_is_used() {
    assert_kept(unused);
    let clear = |api: &mut Api| {
        let mut files = api.iter_mut();
        let rates = files.find(|file| file.name().ends_with("/rates.proto"));
        rates.expect("the file").message_type.clear();
    };
    let mut broken = api();
    clear(&mut broken);
    let path = |name: &str| format!("floodway/admin/v1/{name}.proto");
    let (rates, status) = (path("rates"), path("status"));
    let mut offences = unused(&broken);
    offences.sort();
    let expected = [format!("{rates}: google/protobuf/duration.proto"), format!("{status}: {rates}")];
    assert_eq!(offences, expected);
}

fn misplaced(api: &Api) -> Vec<String> {
    let folder = PACKAGE.replace('.', "/");
    let files = api.iter().filter(|file| {
        let name = file.name().strip_prefix(&format!("{folder}/"));
        let name = name.and_then(|name| name.strip_suffix(".proto"));
        let is_right = name.is_some_and(is_lower) && file.package() == PACKAGE && file.syntax() == "proto3";
        !is_right
    });
    let offence = |file: &FileDescriptorProto| format!("{}: {}, {}", file.name(), file.package(), file.syntax());
    files.map(offence).collect()
}

fn unused(api: &Api) -> Vec<String> {
    let mut offences = Vec::new();
    for file in api {
        let needed = needed(file);
        let is_needed = |import: &&String| {
            let has = has(api, import);
            has.iter().any(|name| needed.contains(&name.as_str()))
        };
        let idle = file.dependency.iter().filter(|import| !is_needed(import));
        offences.extend(idle.map(|import| format!("{}: {import}", file.name())));
    }
    offences
}

/// The types that a file names.
fn needed(file: &FileDescriptorProto) -> Vec<&str> {
    let fields = file.message_type.iter().flat_map(|message| &message.field);
    let of_fields = fields.map(|field| field.type_name());
    let calls = file.service.iter().flat_map(|service| &service.method);
    let of_calls = calls.flat_map(|call| [call.input_type(), call.output_type()]);
    of_fields.chain(of_calls).map(short).collect()
}

/// The types that a file has; one of Google's has a single one, after which it is named.
fn has(api: &Api, name: &str) -> Vec<String> {
    let Some(file) = api.iter().find(|file| file.name() == name) else {
        let stem = name.trim_start_matches("google/protobuf/");
        let mut stem = stem.trim_end_matches(".proto").to_owned();
        stem[..1].make_ascii_uppercase();
        return vec![format!("google.protobuf.{stem}")];
    };
    let messages = file.message_type.iter().map(DescriptorProto::name);
    let enums = file.enum_type.iter().map(EnumDescriptorProto::name);
    messages.chain(enums).map(ToOwned::to_owned).collect()
}
