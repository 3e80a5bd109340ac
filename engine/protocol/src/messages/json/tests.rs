//! Tests of `messages::json`.

use super::*;

#[test]
fn text_is_escaped() {
    assert_eq!(Text("a\"\\\n\u{1}é").to_string(), r#""a\"\\\n\u0001é""#);
}

#[test]
fn a_list_has_its_commas() {
    assert_eq!(List::<&str>(&[]).to_string(), "[]");
    assert_eq!(List(&["a"]).to_string(), r#"["a"]"#);
    assert_eq!(List(&["a".to_owned(), "\"".to_owned()]).to_string(), r#"["a","\""]"#);
}
