//! Tests of `router::topics`.

use super::*;

fn topics(templates: &[&str], tenant: Option<&str>) -> Result<Topics, BadTopics> {
    let templates: Vec<Template> = templates.iter().map(|text| text.parse().unwrap()).collect();
    Topics::new(&templates, tenant.map(|tenant| TenantId::parse(tenant).unwrap()).as_ref())
}

fn names<'a>(tenant: &'a str, device: &'a str, metric: Option<&'a str>) -> Option<Names<'a>> {
    Some(Names { tenant, device, metric })
}

#[test]
fn the_usual_template_is_found_as_any_other_would_be() {
    let usual = topics(&[USUAL], None).unwrap();
    assert!(usual.is_usual && Topics::default().is_usual);
    for topic in ["tenant/T/device/D/telemetry", "tenant/T/device/D/status", "tenant//device/D/telemetry", ""] {
        assert_eq!(usual.names(topic), usual.find(topic), "{topic}");
    }
    assert_eq!(usual.names("tenant/T/device/D/telemetry"), names("T", "D", None));
}

#[test]
fn the_first_template_that_fits_counts() {
    let topics = topics(&["a/{device}/status", "a/{device}/{metric}", "b/{tenant}/{device}"], Some("Z")).unwrap();
    assert_eq!(topics.names("a/D/status"), names("Z", "D", None));
    assert_eq!(topics.names("a/D/t"), names("Z", "D", Some("t")));
    assert_eq!(topics.names("b/T/D"), names("T", "D", None));
    assert_eq!(topics.names("c/T/D"), None);
    assert!(topics.has_tenant(&TenantId::parse("T").unwrap()));
}

#[test]
fn topics_without_a_tenant_are_of_the_one_that_is_set_and_of_no_other() {
    let topics = topics(&["site/{device}/+/data"], Some("Z")).unwrap();
    assert_eq!(topics.names("site/D/x/data"), names("Z", "D", None));
    assert!(topics.has_tenant(&TenantId::parse("Z").unwrap()));
    assert!(!topics.has_tenant(&TenantId::parse("T").unwrap()));
}

#[test]
fn what_can_not_stand_together_is_refused() {
    assert_eq!(topics(&[], None).unwrap_err(), BadTopics::Count);
    let many: Vec<String> = (0..9).map(|n| format!("{n}/{{tenant}}/{{device}}")).collect();
    assert_eq!(topics(&many.iter().map(String::as_str).collect::<Vec<_>>(), None).unwrap_err(), BadTopics::Count);
    assert!(matches!(
        topics(&["{tenant}/{device}", "site/x/{device}"], None).unwrap_err(),
        BadTopics::NoTenant(_)
    ));
    for [one, other] in [
        ["a/{device}/x/+", "a/{device}/+/y"],
        ["{tenant}/{device}/x", "+/{tenant}/{device}"],
        ["{tenant}/{device}/data", "site/{device}/data"],
    ] {
        assert!(matches!(topics(&[one, other], Some("Z")), Err(BadTopics::Overlap(..))), "{one} {other}");
    }
}

#[test]
fn a_topic_is_made_of_names_by_the_first_template() {
    assert_eq!(Topics::default().topic_of("T", "D"), "tenant/T/device/D/telemetry");
    let topics = topics(&["site/+/{device}/{metric}", "{tenant}/{device}"], Some("Z")).unwrap();
    assert_eq!(topics.topic_of("T", "D"), "site/_/D/_");
    assert_eq!(topics.example(), "site/_/DEV-001/temperature");
    assert_eq!(topics.names(&topics.topic_of("Z", "D")), names("Z", "D", Some("_")));
}
