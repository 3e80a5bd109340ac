//! The table against its page, and each end against its row.

use super::*;

const PAGE: &str = include_str!("../../../../docs/protocol.md");

/// One end for each reason for which a live stream ends, in their order.
fn ends() -> [End; EndReason::ENDED.len()] {
    let text = || "why".to_owned();
    [
        End::BadToken(text()),
        End::Draining { after_ms: 1 },
        End::Expired,
        End::Forbidden(text()),
        End::SlowConsumer,
        End::Administrator(text()),
        End::Violation(Violation::Unmasked),
        End::Closed(None),
        End::Gone,
    ]
}

/// A list of numbers as the page shows it.
fn shown(numbers: impl IntoIterator<Item = u16>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|one| one.to_string()).collect();
    if numbers.is_empty() {
        return "–".to_owned();
    }
    numbers.join(", ")
}

#[test]
fn the_page_shows_the_table() {
    let (_, section) = PAGE
        .split_once("## Why a stream is refused or ended\n")
        .expect("the section of the table");
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(label, rest)| (label, rest.splitn(4, " | ").take(3).collect::<Vec<_>>()));
    let rows: Vec<_> = rows.filter(|(_, cells)| cells.len() == 3).collect();
    let labels: Vec<&str> = rows.iter().map(|(label, _)| *label).collect();
    assert_eq!(labels, EndReason::ALL.map(|reason| reason.label()));
    for (reason, (label, cells)) in EndReason::ALL.into_iter().zip(rows) {
        let row = reason.row();
        let code = match reason {
            EndReason::Violation => shown([1002, 1003, 1007, 1009]),
            EndReason::Closed => "its own, or 1000".to_owned(),
            _ => shown(row.code),
        };
        let status = match reason {
            EndReason::Handshake => shown([400, 405, 426]),
            _ => shown(row.status),
        };
        let retry = if row.retry { "yes" } else { "no" };
        assert_eq!(cells, [&*code, &*status, retry], "{label}");
    }
}

#[test]
fn each_reason_is_counted_in_a_place_of_its_own() {
    for (index, reason) in EndReason::REFUSED.into_iter().enumerate() {
        assert_eq!(reason as usize, index);
    }
    for (index, (end, reason)) in ends().into_iter().zip(EndReason::ENDED).enumerate() {
        assert_eq!((end.reason(), end.index()), (reason, index));
        assert_eq!(end.label(), reason.label());
    }
    for reason in EndReason::ALL {
        let is_refused = EndReason::REFUSED.contains(&reason);
        assert_eq!(reason.row().status.is_some(), is_refused, "{reason:?}");
        assert!(is_refused || EndReason::ENDED.contains(&reason), "{reason:?}");
    }
}

#[test]
fn each_end_counts_under_its_code() {
    let label = |end: End| CODE_LABELS[end.code_index()];
    for end in ends().into_iter().filter(|end| *end != End::Gone) {
        let code = end.code().expect("somebody reads it").to_string();
        assert_eq!(label(end), code);
    }
    assert_eq!(label(End::Gone), "none");
    assert_eq!(label(End::Closed(Some(1001))), "1001");
    assert_eq!(label(End::Closed(Some(4321))), "other");
    for (violation, code) in [
        (Violation::Unmasked, "1002"),
        (Violation::Binary, "1003"),
        (Violation::NotUtf8, "1007"),
        (Violation::TooLarge, "1009"),
    ] {
        assert_eq!(label(End::Violation(violation)), code);
    }
}

#[test]
fn an_end_says_why_in_the_words_of_its_case_or_of_the_table() {
    assert_eq!(End::Administrator("maintenance".to_owned()).text(), "maintenance");
    assert_eq!(End::Expired.text(), "Invalid or expired token");
    assert_eq!(End::Violation(Violation::TooLarge).text(), "Message too large");
    assert_eq!(End::Closed(Some(1001)).text(), "");
}
