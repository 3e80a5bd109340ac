//! Tests of `cli::tail`.

use super::*;

#[test]
fn an_event_is_shown_with_its_values_as_sent() {
    let event = TailEvent {
        id: 7,
        json: r#"{"type":"telemetry","device_id":"k\u00f6ln","metrics":{"t":72.10},"timestamp":"12:00","topic":"x"}"#
            .to_owned(),
    };
    assert_eq!(for_people(&event), "12:00  köln  {\"t\":72.10}\n");
}

#[test]
fn a_gap_names_its_size_and_reason() {
    let mut gap = Gap { dropped: Some(3), ..Gap::default() };
    gap.set_reason(GapReason::Overflow);
    assert_eq!(gap_line(&gap), "gap: 3 events missing, this terminal was too slow");
    gap.dropped = None;
    gap.set_reason(GapReason::Upstream);
    assert!(gap_line(&gap).starts_with("gap: events may be missing"));
}

#[test]
fn a_line_of_json_has_its_keys_in_order() {
    let mut gap = Gap { dropped: Some(3), ..Gap::default() };
    gap.set_reason(GapReason::Overflow);
    let next = TailResponse { item: Some(Item::Gap(gap)) };
    assert_eq!(json!(Json(&next)).to_string(), r#"{"gap":{"dropped":3,"reason":"overflow"}}"#);
}
