//! Tenants with several filters, and tenants with none.

use super::*;

/// On demand, with a link, for these topics and the tenant `Z` of those that name none.
fn linked_for(templates: &[&str]) -> Bed {
    bed_for(Subscribe::OnDemand, templates)
}

fn bed_for(mode: Subscribe, templates: &[&str]) -> Bed {
    let mut bed = bed(mode);
    let config = Config {
        subscribe: mode,
        linger: LINGER,
        keep: LINGER,
        topics: templates.iter().map(|text| text.parse().unwrap()).collect(),
        tenant: Some(TenantId::parse("Z").unwrap()),
        ..Config::default()
    };
    bed.subscriptions = subscriptions(&config, &bed.index);
    bed.subscriptions.open();
    bed
}

const TWO: &[&str] = &["a/{tenant}/{device}", "b/{tenant}/{device}/{metric}"];

fn refused() -> Result<(), String> {
    Err("NotAuthorized".to_owned())
}

impl Bed {
    fn answers(&mut self, id: u16, answers: &[Result<(), String>]) {
        self.subscriptions.answered(id, answers, self.now);
    }
}

#[test]
fn all_filters_of_a_tenant_are_asked_for_at_once_and_all_must_be_granted() {
    let mut bed = linked_for(TWO);
    let (_one, _two) = (bed.enter("ONE"), bed.enter("TWO"));
    let (id, mut filters) = bed.sends_subscribe();
    filters.sort();
    assert_eq!(filters, ["a/ONE/+", "a/TWO/+", "b/ONE/+/+", "b/TWO/+/+"]);
    bed.grants(id, 4);
    assert_eq!(bed.confirms(), ["ONE", "TWO"]);
    assert_eq!(bed.sends(), None);
}

#[test]
fn one_refused_filter_refuses_its_tenant_and_what_was_granted_is_given_back() {
    let mut bed = linked_for(TWO);
    let (one, two) = (bed.enter("ONE"), bed.enter("TWO"));
    let (id, filters) = bed.sends_subscribe();
    let is_refused = |filter: &String| filter == "b/ONE/+/+";
    let answers: Vec<_> = filters.iter().map(|filter| if is_refused(filter) { refused() } else { Ok(()) }).collect();
    bed.answers(id, &answers);
    assert_eq!(bed.confirms(), ["TWO"]);
    assert_eq!((upstream(&one), upstream(&two)), (Upstream::Refused, Upstream::Confirmed));
    assert_eq!(bed.sends_unsubscribe().1, "a/ONE/+");
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(2));
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, ["a/ONE/+", "b/ONE/+/+"], "it is asked for again as a whole");
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["ONE"]);
}

#[test]
fn an_answer_that_is_missing_is_a_refusal() {
    let mut bed = linked_for(TWO);
    let permit = bed.enter("T");
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(upstream(&permit), Upstream::Refused);
}

#[test]
fn what_was_granted_is_not_given_back_while_another_answer_is_awaited() {
    let mut bed = linked_for(TWO);
    let permit = bed.enter("T");
    let (first, _) = bed.sends_subscribe();
    bed.passes(Config::default().subscribe_timeout);
    bed.passes(Duration::from_secs(2));
    let (second, _) = bed.sends_subscribe();
    bed.answers(first, &[Ok(()), refused()]);
    assert_eq!(bed.sends(), None);
    bed.grants(second, 2);
    assert_eq!(bed.confirms(), ["T"]);
    assert_eq!(upstream(&permit), Upstream::Confirmed);
}

#[test]
fn all_filters_of_a_tenant_that_leaves_are_unsubscribed_before_it_is_asked_for_again() {
    let mut bed = linked_for(TWO);
    let permit = bed.enter("T");
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 2);
    bed.confirms();
    drop(permit);
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    assert_eq!(bed.sends_unsubscribe().1, "a/T/+");
    let _again = bed.enter("T");
    assert_eq!(bed.sends_unsubscribe().1, "b/T/+/+");
    assert_eq!(bed.sends_subscribe().1, ["a/T/+", "b/T/+/+"]);
}

#[test]
fn a_tenant_that_no_topic_names_is_refused_and_nobody_is_asked() {
    let mut bed = linked_for(&["site/{device}/+/data"]);
    let stranger = bed.enter("T");
    assert_eq!(upstream(&stranger), Upstream::Refused);
    assert!(stranger.tenant().refusal().is_some_and(|reason| reason.contains("mqtt.tenant")));
    assert_eq!(bed.sends(), None);
    let own = bed.enter("Z");
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, ["site/+/+/data"]);
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["Z"]);
    bed.loses_without_blame();
    bed.passes(Duration::from_secs(1));
    assert_eq!((upstream(&stranger), upstream(&own)), (Upstream::Refused, Upstream::Waiting));
    assert_eq!(bed.sends_subscribe().1, ["site/+/+/data"]);
    assert_eq!(bed.sends(), None);
}

#[test]
fn in_the_mode_all_each_template_has_a_filter_and_all_of_them_confirm() {
    let mut bed = bed_for(Subscribe::All, &["a/{tenant}/{device}", "site/{device}"]);
    let permit = bed.enter("T");
    let (id, filters) = bed.sends_subscribe();
    assert_eq!(filters, ["a/+/+", "site/+"]);
    bed.answers(id, &[Ok(()), refused()]);
    assert_eq!(upstream(&permit), Upstream::Refused);
    assert_eq!(bed.sends_unsubscribe().1, "a/+/+");
    bed.passes(Duration::from_secs(2));
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 2);
    assert_eq!(bed.confirms(), ["T"]);
}

#[test]
fn a_batch_holds_fewer_tenants_where_each_has_more_filters() {
    let mut bed = linked_for(TWO);
    let _permits: Vec<_> = (0..120).map(|n| bed.enter(&format!("T{n}"))).collect();
    let sizes: Vec<usize> = std::iter::from_fn(|| match bed.sends()?.1 {
        Request::Subscribe(filters) => Some(filters.len()),
        _ => None,
    })
    .collect();
    assert_eq!(sizes, [100, 100, 40]);
}

#[test]
fn a_tenant_is_tried_with_all_its_filters() {
    let mut bed = linked_for(TWO);
    let bad = bed.enter("BAD");
    bed.sends_subscribe();
    bed.loses();
    assert_eq!(bed.tries(), [["a/BAD/+", "b/BAD/+/+"]]);
    bed.ends();
    assert_eq!(upstream(&bad), Upstream::Refused);
}
