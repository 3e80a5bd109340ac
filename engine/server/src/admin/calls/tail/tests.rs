//! Tests of `admin::calls::tail`.

use std::sync::Arc;

use floodway_core::event::{MetricSet, Parser};
use floodway_protocol::EventId;

use super::*;

#[test]
fn an_event_is_shown_as_its_subscriber_sees_it() {
    let tenant = tenant("tenant_id", "T").unwrap();
    let mut parser = Parser::new(&floodway_core::event::Config::default());
    let payload = br#"{"metrics":{"a":1,"b":2},"ts":5}"#;
    let event = parser.parse(EventId::new(7), &tenant, "D", "t", payload);
    let event = Arc::new(event.unwrap());
    let shown = |names: Option<&str>| {
        let metrics = names.map(|name| Arc::new(MetricSet::new([name.to_owned()])));
        item(&Received::Event(Arc::clone(&event), metrics))
    };
    let Some(Item::Event(whole)) = shown(None) else {
        panic!("an event");
    };
    assert_eq!((whole.id, whole.json.as_bytes()), (7, event.json()));
    let Some(Item::Event(part)) = shown(Some("b")) else {
        panic!("an event");
    };
    assert!(part.json.contains(r#""metrics":{"b":2}"#), "{}", part.json);
    assert_eq!(shown(Some("c")), None);
}

#[test]
fn a_gap_has_its_reason_and_a_count_where_one_is_known() {
    for (gap, reason, dropped) in
        [(Gap::Overflow(3), v1::GapReason::Overflow, Some(3)), (Gap::Upstream, v1::GapReason::Upstream, None)]
    {
        let reason = reason.into();
        let expected = Some(Item::Gap(v1::Gap { reason, dropped }));
        assert_eq!(item(&Received::Gap(gap)), expected);
    }
}
