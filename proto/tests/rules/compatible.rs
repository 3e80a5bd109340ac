//! What was released is kept: `released.txt` has a line for each thing that a client may depend on.

use std::collections::HashSet;
use std::{env, fs};

use prost_types::field_descriptor_proto::{Label, Type};

use crate::api::{Api, api, call_mut, enum_mut, message_mut};
use crate::released::lines;

const RELEASED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/released.txt");

/// Set to take what was added into [`RELEASED`].
const UPDATE: &str = "UPDATE_RELEASED";

const HEAD: &str = "\
# The admin API that clients depend on: what stands here is neither changed nor removed.
# Additions are taken in by: UPDATE_RELEASED=1 cargo test -p floodway-proto --test rules
";

/// What became of the lines that were released.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// All are there, and these besides.
    Added(Vec<String>),
    /// These are gone.
    Broken(Vec<String>),
}

#[test]
fn what_was_released_is_kept() {
    let released = fs::read_to_string(RELEASED).expect("the lines that were released");
    let now = lines(&api());
    match judge(&released, &now) {
        Verdict::Same => {}
        Verdict::Added(_) if env::var_os(UPDATE).is_some() => {
            let text = format!("{HEAD}{}\n", now.join("\n"));
            fs::write(RELEASED, text).expect("a file that can be written");
        }
        Verdict::Added(added) => panic!(
            "the API has grown; if that is meant, run {UPDATE}=1 cargo test -p floodway-proto --test rules, and \
             commit released.txt with it: {added:#?}"
        ),
        Verdict::Broken(gone) => panic!(
            "clients depend on these, bring them back (what is out of use stays, with deprecated = true): {gone:#?}"
        ),
    }
}

#[test]
fn each_line_that_goes_is_noticed() {
    let now = lines(&api());
    let released = now.join("\n");
    assert_eq!(judge(&released, &now), Verdict::Same);
    for gone in 0..now.len() {
        let mut left = now.clone();
        let line = left.remove(gone);
        assert_eq!(judge(&released, &left), Verdict::Broken(vec![line]));
    }
}

#[test]
fn an_addition_is_told_from_a_change() {
    let whole = lines(&api());
    let (new, older) = whole.split_last().expect("lines");
    let verdict = judge(&format!("{HEAD}{}", older.join("\n")), &whole);
    assert_eq!(verdict, Verdict::Added(vec![new.clone()]));
}

#[test]
fn every_kind_of_change_shows() {
    let field = "message Broker { repeated string urls = 2 }";
    let change = |change: fn(&mut prost_types::FieldDescriptorProto)| {
        move |api: &mut Api| change(&mut message_mut(api, "Broker").field[1])
    };
    assert_breaks(change(|urls| urls.number = Some(9)), field);
    assert_breaks(change(|urls| urls.name = Some("uris".to_owned())), field);
    assert_breaks(change(|urls| urls.set_type(Type::Bytes)), field);
    assert_breaks(change(|urls| urls.set_label(Label::Optional)), field);
    let fill = |api: &mut Api| {
        let fields = &mut message_mut(api, "Connections").nested_type[0].field;
        fields[1].set_type(Type::Uint32);
    };
    let map = "message Connections { map<string, uint64> closed_by_reason = 5 }";
    assert_breaks(fill, map);
    let always = |api: &mut Api| {
        let limit = &mut message_mut(api, "TenantLimits").field[1];
        (limit.proto3_optional, limit.oneof_index) = (None, None);
    };
    let optional = "message TenantLimits { optional uint32 queue_size = 2 }";
    assert_breaks(always, optional);
    let alone = |api: &mut Api| {
        message_mut(api, "DisconnectRequest").field[0].oneof_index = None;
    };
    let oneof = "message DisconnectRequest { oneof target { string connection_id = 1 } }";
    assert_breaks(alone, oneof);
    let value = |api: &mut Api| enum_mut(api, "Transport").value[2].number = Some(9);
    assert_breaks(value, "enum Transport { TRANSPORT_SSE = 2 }");
    let stream = |api: &mut Api| call_mut(api, "WatchStatus").server_streaming = Some(false);
    let call =
        "service Admin { WatchStatus(WatchStatusRequest) returns (stream WatchStatusResponse), no side effects }";
    assert_breaks(stream, call);
}

#[track_caller]
fn assert_breaks(change: impl FnOnce(&mut Api), line: &str) {
    let released = lines(&api()).join("\n");
    let mut changed = api();
    change(&mut changed);
    let verdict = judge(&released, &lines(&changed));
    assert_eq!(verdict, Verdict::Broken(vec![line.to_owned()]));
}

fn judge(released: &str, now: &[String]) -> Verdict {
    let released: Vec<&str> = released.lines().filter(|line| !line.starts_with('#')).collect();
    let has: HashSet<&str> = now.iter().map(String::as_str).collect();
    let had: HashSet<&str> = released.iter().copied().collect();
    let gone: Vec<_> = released.iter().filter(|&line| !has.contains(line)).collect();
    let added: Vec<_> = now.iter().filter(|line| !had.contains(line.as_str())).collect();
    if !gone.is_empty() {
        return Verdict::Broken(gone.into_iter().map(|line| (*line).to_owned()).collect());
    }
    if !added.is_empty() {
        return Verdict::Added(added.into_iter().cloned().collect());
    }
    Verdict::Same
}
