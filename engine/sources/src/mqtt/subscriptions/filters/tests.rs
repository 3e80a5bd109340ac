//! Tests of `mqtt::subscriptions::filters`.

use super::*;

fn filters(templates: &[&str], tenant: Option<&str>) -> Filters {
    let templates: Vec<Template> = templates.iter().map(|text| text.parse().unwrap()).collect();
    let tenant = tenant.map(|tenant| TenantId::parse(tenant).unwrap());
    Filters::new(Arc::new(Topics::new(&templates, tenant.as_ref()).unwrap()))
}

fn of(filters: &Filters, tenant: &str) -> Vec<String> {
    filters.of_tenant(&TenantId::parse(tenant).unwrap())
}

#[test]
fn a_filter_matches_the_topics_of_its_tenant() {
    let usual = Filters::new(Arc::new(Topics::default()));
    assert_eq!(of(&usual, "T"), ["tenant/T/device/+/telemetry"]);
    assert_eq!(usual.of(&Subject::All), ["tenant/+/device/+/telemetry"]);
    assert_eq!(of(&usual, "T")[0].replace('+', "D"), Topics::default().topic_of("T", "D"));
}

#[test]
fn each_template_gives_a_filter_that_leaves_open_all_but_the_tenant() {
    let filters = filters(&["a/{tenant}/{device}/+/{metric}", "b/{device}"], Some("Z"));
    assert_eq!(of(&filters, "T"), ["a/T/+/+/+"]);
    assert_eq!(of(&filters, "Z"), ["a/Z/+/+/+", "b/+"]);
    assert_eq!(filters.of(&Subject::All), ["a/+/+/+/+", "b/+"]);
    assert_eq!(filters.of_all_alone(), ["a/+/+/+/+"]);
    assert_eq!(filters.most(), 2);
}

#[test]
fn what_another_filter_covers_is_not_asked_for() {
    let filters =
        filters(&["a/{device}/x/1", "a/{device}/x/{metric}", "a/{device}/+/{metric}", "a/{device}"], Some("Z"));
    assert_eq!(of(&filters, "Z"), ["a/+/+/+", "a/+"]);
    assert!(of(&filters, "T").is_empty() && !filters.has(&TenantId::parse("T").unwrap()));
}
