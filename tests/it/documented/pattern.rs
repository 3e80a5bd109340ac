//! Words in capitals that stand for values: `TIME`, `N`, `ID1`.

use std::collections::BTreeMap;

/// What ids stand for, by their word.
pub(super) type Ids = BTreeMap<String, String>;

/// Whether `text` is what the page shows. An id that is seen for the first time is kept; later it must be the same, and no two
/// are alike.
pub(super) fn fits(shown: &str, text: &str, ids: &mut Ids) -> bool {
    let (mut shown, mut text, mut found) = (shown, text, ids.clone());
    while let Some((before, word, after)) = next_word(shown) {
        let Some(rest) = text.strip_prefix(before) else {
            return false;
        };
        let may_hold = |c: char| {
            if word == "TIME" {
                c.is_ascii_digit() || "-:.TZ".contains(c)
            } else {
                c.is_ascii_digit()
            }
        };
        let end = rest.find(|c| !may_hold(c)).unwrap_or(rest.len());
        let (value, rest) = rest.split_at(end);
        if value.is_empty() || !is_value(word, value, &mut found) {
            return false;
        }
        (shown, text) = (after, rest);
    }
    let is_whole = shown == text;
    if is_whole {
        *ids = found;
    }
    is_whole
}

/// `shown` with the ids that are known in the place of their words.
pub(super) fn with_ids(shown: &str, ids: &Ids) -> String {
    ids.iter().fold(shown.to_owned(), |shown, (word, id)| shown.replace(word, id))
}

fn is_value(word: &str, value: &str, ids: &mut Ids) -> bool {
    match word {
        "N" => true,
        "TIME" => value.len() >= "2026-02-16T12:00:00Z".len() && value.contains('T') && value.ends_with('Z'),
        _ if ids.contains_key(word) => ids[word] == value,
        _ => !ids.values().any(|known| known == value) && ids.insert(word.to_owned(), value.to_owned()).is_none(),
    }
}

/// The text before the next such word, the word, and what follows.
fn next_word(shown: &str) -> Option<(&str, &str, &str)> {
    let is_part = |c: char| c.is_alphanumeric();
    let mut at = 0;
    while at < shown.len() {
        let rest = &shown[at..];
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let is_id = word.strip_prefix("ID").is_some_and(|number| number.parse::<u8>().is_ok());
        if is_id || word == "N" || word == "TIME" {
            return Some((&shown[..at], word, &rest[length..]));
        }
        at += length.max(rest.chars().next().map_or(1, char::len_utf8));
    }
    None
}

#[test]
fn words_in_capitals_stand_for_values() {
    let mut ids = Ids::new();
    assert!(fits(r#"{"id":"ID1","at":"TIME"}"#, r#"{"id":"17","at":"2026-02-16T12:00:00.000Z"}"#, &mut ids));
    assert!(fits("id: ID1", "id: 17", &mut ids));
    assert!(!fits("id: ID1", "id: 18", &mut ids));
    assert!(!fits("id: ID2", "id: 17", &mut ids), "two words are two ids");
    assert!(fits("lost N of DEV-N", "lost 7 of DEV-3", &mut ids));
    assert!(!fits("lost N", "lost many", &mut ids));
    assert!(!fits("TIME", "2026", &mut ids));
    assert!(fits("No ID", "No ID", &mut ids), "these are no such words");
    assert_eq!(with_ids("after ID1", &ids), "after 17");
}
