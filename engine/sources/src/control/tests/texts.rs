//! Topics and documents as texts.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::super::payload::{limits_to_json, parse_limits};
use super::super::topic::{self, Topic};
use super::*;

#[test]
fn limits_are_read_with_errors_that_name_the_field() {
    let all = br#"{"connections_per_tenant":0,"queue_size":1,"overflow":"disconnect","overflow_allowed":["latest","catch_up"],"filter_ids":5,"client_messages_per_second":6}"#;
    let limits = parse_limits(all).unwrap();
    let expected = OwnLimits {
        connections: Some(0),
        queue_size: NonZeroUsize::new(1),
        overflow: Some(Overflow::Disconnect),
        overflow_allowed: Some([Overflow::CatchUp, Overflow::Latest].into_iter().collect()),
        filter_ids: Some(5),
        client_messages_per_second: Some(6),
    };
    assert_eq!(limits, expected);
    assert_eq!(parse_limits(&limits_to_json(&limits)), Ok(limits));
    for (document, field) in [
        (r#"{"connections_per_tenant":-1}"#, "connections_per_tenant"),
        (r#"{"connections_per_tenant":4294967296}"#, "connections_per_tenant"),
        (r#"{"connections_per_tenant":1.5}"#, "connections_per_tenant"),
        (r#"{"queue_size":0}"#, "queue_size"),
        (r#"{"queue_size":null}"#, "queue_size"),
        (r#"{"filter_ids":"5"}"#, "filter_ids"),
        (r#"{"client_messages_per_second":0}"#, "client_messages_per_second"),
        (r#"{"overflow":"Latest"}"#, "overflow"),
        (r#"{"overflow_allowed":"latest"}"#, "overflow_allowed"),
        (r#"{"overflow_allowed":["latest","x"]}"#, "overflow_allowed[1]"),
        (r#"{"overflow_allowed":[]}"#, "overflow_allowed"),
        (r#"{"queue_sice":1}"#, "queue_sice"),
        ("{}", "document"),
        ("7", "document"),
        ("", "document"),
    ] {
        assert_eq!(parse_limits(document.as_bytes()).unwrap_err().field, field, "{document}");
    }
}

#[test]
fn a_topic_with_a_bad_name_or_another_form_is_none() {
    for topic in [
        "limits",
        "limits/",
        "limits/default/x",
        "limits/tenant/",
        "limits/tenant/a/b",
        "groups/T",
        "groups/T/",
        "groups//G",
        "groups/T/G/x",
        "fleet/",
        "fleet/a/b",
        "sync/",
        "other/x",
    ] {
        assert_eq!(topic::parse(&at(topic)), None, "{topic}");
    }
    assert_eq!(topic::parse("floodway/control/v2/limits/default"), None);
}

proptest! {
    #[test]
    fn a_topic_is_read_as_what_it_was_written_for(a in "[^/+#\\p{C}]{1,20}", b in "[^/+#\\p{C}]{1,20}") {
        let keys = [Key::Limits(None), Key::Limits(Some(tenant(&a))), key(&a, &b)];
        for key in keys {
            let written = key.topic();
            prop_assert_eq!(topic::parse(&written), Some(Topic::Document(key)));
        }
        let (fleet, sync) = (topic::fleet(&a), topic::sync(&b));
        prop_assert_eq!(topic::parse(&fleet), Some(Topic::Fleet(&a)));
        prop_assert_eq!(topic::parse(&sync), Some(Topic::Sync(&b)));
    }

    #[test]
    fn a_group_is_read_as_it_was_written(devices in proptest::collection::vec("[^/+#\\p{C}]{1,9}", 0..20)) {
        let group = Group::new(devices.iter().map(String::as_str), 20).unwrap();
        prop_assert_eq!(Group::parse(&group.to_json(), 20), Ok(group));
    }

    #[test]
    fn no_bytes_make_it_panic(topic in "(limits/default|groups/T/G|fleet/A|x)", payload in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut bed = following(&[]);
        bed.follower.message(at(&topic).as_bytes(), &payload, true, bed.now);
        bed.follower.message(&[at("groups/").as_bytes(), &payload].concat(), b"{}", true, bed.now);
    }
}
