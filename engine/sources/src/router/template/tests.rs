//! Tests of `router::template`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn template(text: &str) -> Template {
    text.parse().unwrap()
}

#[test]
fn a_template_is_what_was_written() {
    for text in [
        "{device}",
        "tenant/{tenant}/device/{device}/telemetry",
        "site/{device}/+/data",
        "/{device}/",
        "spBv1.0/{tenant}/DDATA/+/{device}",
        "+/{metric}/+/{device}",
        "a b/é/{device}",
    ] {
        assert_eq!(template(text).to_string(), text);
    }
}

#[test]
fn what_is_none_is_refused_with_the_reason() {
    for (text, told) in [
        ("", "needs {device}"),
        ("tenant/{tenant}/telemetry", "needs {device}"),
        ("{device}/{device}", "{device} twice"),
        ("{device}/{tenant}/{tenant}", "{tenant} twice"),
        ("{device}/{metric}/{metric}", "{metric} twice"),
        ("site/{device}/#", "has #"),
        ("site/{device}/a#", "has #"),
        ("site/d-{device}", r#"the level "d-{device}""#),
        ("site/{Device}", "whole level"),
        ("site/{device}/{site}", "whole level"),
        ("site/{device}/a+", "whole level"),
        ("site/{device}/\n", "control character"),
        ("$share/g/{device}", "$share"),
    ] {
        let refused = text.parse::<Template>().expect_err(text).to_string();
        assert!(refused.contains(told), "{text}: {refused}");
    }
    assert_eq!(
        format!("{{device}}/{}", "x".repeat(257)).parse::<Template>(),
        Err(BadTemplate::Level(BadName::TooLong))
    );
    assert_eq!(format!("{{device}}{}", "/x".repeat(600)).parse::<Template>(), Err(BadTemplate::TooLong));
}

#[test]
fn a_topic_that_fits_gives_its_names() {
    let found = |tenant, device, metric| Some(Found { tenant, device, metric });
    let site = template("site/{device}/+/data");
    assert_eq!(site.find("site/D 1/x/data"), found(None, "D 1", None));
    assert_eq!(site.find("site/D//data"), found(None, "D", None), "an empty level says nothing");
    let all = template("{tenant}/+/{device}/{metric}");
    assert_eq!(all.find("T/x/D/temperature"), found(Some("T"), "D", Some("temperature")));
    for topic in ["site//x/data", "site/D/x/data/", "/site/D/x/data", "site/D/x", "site/D/x/Data", "site/+/x/data", ""]
    {
        assert_eq!(site.find(topic), None, "{topic}");
    }
    for topic in ["T/x/D/", "/x/D/m", "T/x/D/#", "T/x/\u{7}/m"] {
        assert_eq!(all.find(topic), None, "{topic}");
    }
}

/// Level by level, with nothing compiled.
fn naive<'a>(template: &str, topic: &'a str) -> Option<Found<'a>> {
    let (levels, texts): (Vec<_>, Vec<_>) = (template.split('/').collect(), topic.split('/').collect());
    if levels.len() != texts.len() {
        return None;
    }
    let fits = |(level, text): (&&str, &&str)| match *level {
        "+" => true,
        "{tenant}" | "{device}" | "{metric}" => names::check(text).is_ok(),
        literal => literal == *text,
    };
    let value = |name| levels.iter().position(|level| *level == name).map(|at| texts[at]);
    levels.iter().zip(&texts).all(fits).then(|| Found {
        tenant: value("{tenant}"),
        device: value("{device}").unwrap_or_default(),
        metric: value("{metric}"),
    })
}

fn templates() -> impl Strategy<Value = String> {
    let level = select(&["a", "b", "", "+", "é"][..]);
    let placeholders = (any::<bool>(), any::<bool>());
    (vec(level, 0..4), placeholders, any::<[prop::sample::Index; 3]>()).prop_map(|(levels, (tenant, metric), at)| {
        let mut levels: Vec<&str> = levels;
        let named = [("{device}", true), ("{tenant}", tenant), ("{metric}", metric)];
        for ((name, _), at) in named.into_iter().zip(at).filter(|((_, is_there), _)| *is_there) {
            levels.insert(at.index(levels.len() + 1), name);
        }
        levels.join("/")
    })
}

fn topics() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "", "é", "D", "+", "#", "\n"][..]), 1..7).prop_map(|levels| levels.join("/"))
}

proptest! {
    #[test]
    fn a_template_finds_what_a_naive_matcher_finds(text in templates(), topic in topics()) {
        prop_assert_eq!(template(&text).find(&topic), naive(&text, &topic));
    }

    #[test]
    fn a_topic_of_a_template_fits_it(text in templates(), any_text in "[a-z]{0,3}") {
        let template = template(&text);
        let topic = template.topic(|level| match level {
            Level::Tenant => "T",
            Level::Device => "D",
            Level::Metric => "m",
            _ => &any_text,
        });
        let found = template.find(&topic).expect("it fits");
        prop_assert_eq!(found.device, "D");
        prop_assert!(found.tenant.is_none_or(|tenant| tenant == "T") && found.metric.is_none_or(|metric| metric == "m"));
    }

    #[test]
    fn templates_of_one_topic_overlap_and_the_wider_one_has_all_topics_of_the_other(
        one in templates(), other in templates(), topic in topics(),
    ) {
        let (one, other) = (template(&one), template(&other));
        let (fits_one, fits_other) = (one.find(&topic).is_some(), other.find(&topic).is_some());
        prop_assert!(!(fits_one && fits_other) || one.overlaps(&other));
        prop_assert!(!one.covers(&other) || one.overlaps(&other));
        // A name has rules that other levels do not have.
        let is_of_names = topic.split('/').all(|text| names::check(text).is_ok());
        prop_assert!(!(one.covers(&other) && fits_other && is_of_names) || fits_one);
    }
}
