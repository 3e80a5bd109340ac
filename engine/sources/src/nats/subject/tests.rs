//! Tests of `nats::subject`.

use proptest::prelude::*;

use super::*;

fn templates(templates: &[&str]) -> Templates {
    let templates: Vec<String> = templates.iter().copied().map(String::from).collect();
    Templates::new(&templates, Some("acme"))
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a name")
}

/// As NATS 2.15 did it.
#[test]
fn subjects_are_mapped_as_nats_maps_them() {
    for (topic, subject) in [
        ("tenant/T/device/D/telemetry", "tenant.T.device.D.telemetry"),
        ("tenant/T/device/a.b/telemetry", "tenant.T.device.a//b.telemetry"),
        ("odd//x", "odd./.x"),
        ("/a", "/.a"),
        ("a/", "a./"),
        ("a/../b", "a.////.b"),
        ("tür/ü", "tür.ü"),
    ] {
        let tokens: Vec<String> = topic.split('/').map(token_of).collect();
        assert_eq!(tokens.join("."), subject);
        assert_eq!(topic_of(subject), topic);
        assert_eq!(topic_of(&format!("$MQTT.msgs.{subject}")), topic);
    }
}

proptest! {
    #[test]
    fn a_topic_comes_back_from_its_subject(topic in "[a-z./ü$-]{1,24}") {
        let tokens: Vec<String> = topic.split('/').map(token_of).collect();
        let subject = tokens.join(".");
        prop_assert!(subject.split('.').all(|token| !token.is_empty()));
        prop_assert_eq!(topic_of(&subject), topic);
    }
}

#[test]
fn a_template_gives_the_subjects_of_all_and_of_one() {
    let default = templates(&["tenant/{tenant}/device/{device}/telemetry"]);
    assert_eq!(default.all(), ["tenant.*.device.*.telemetry"]);
    assert_eq!(default.of(&tenant("a.b")), ["tenant.a//b.device.*.telemetry"]);
}

#[test]
fn a_topic_without_tenant_is_of_the_one_that_is_set() {
    let sites = templates(&["site/{device}/+/data"]);
    assert_eq!(sites.all(), ["site.*.*.data"]);
    assert_eq!(sites.of(&tenant("acme")), ["site.*.*.data"]);
    assert!(sites.of(&tenant("other")).is_empty());
}

#[test]
fn subjects_that_overlap_become_one() {
    let some = templates(&["a/{tenant}/+/x", "a/{tenant}/b/{device}", "a/{tenant}/b", "a/+/c/x"]);
    assert_eq!(some.all(), ["a.*.*.*", "a.*.b"]);
    assert_eq!(templates(&["a/{tenant}/x", "a/{tenant}/y"]).all(), ["a.*.x", "a.*.y"]);
}

#[test]
fn hostile_names_reach_no_subject() {
    let default = templates(&["tenant/{tenant}/device/{device}/telemetry"]);
    for name in ["*", ">", "a*", "a b"] {
        assert!(default.of(&tenant(name)).is_empty(), "{name}");
    }
}

#[test]
fn a_topic_is_made_once_for_its_subject() {
    let mut topics = Topics::default();
    let first = topics.of("a.b");
    assert!(Arc::ptr_eq(&first, &topics.of("a.b")));
    for number in 0..=REMEMBERED {
        topics.of(&number.to_string());
    }
    assert!(topics.0.len() <= REMEMBERED);
}
