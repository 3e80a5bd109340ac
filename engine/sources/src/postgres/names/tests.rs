//! Names that are usual, odd, and hostile.

use super::*;

#[test]
fn a_table_may_have_a_schema_and_keeps_its_letters() {
    for (text, identifiers) in [
        ("telemetry", r#""telemetry""#),
        ("iot.Telemetry", r#""iot"."Telemetry""#),
        (r#""my.table""#, r#""my.table""#),
        (r#"iot."a ""b"".c""#, r#""iot"."a ""b"".c""#),
        (r#"t"; drop table x; --"#, r#""t""; drop table x; --""#),
    ] {
        assert_eq!(table(text).as_deref(), Ok(identifiers), "{text}");
    }
    for text in ["", ".", "a.", ".a", "a.b.c", r#""a"#, r#""a"b"#, r#""""#, "a\0", &"x".repeat(64)] {
        assert!(table(text).is_err(), "{text}");
    }
}

#[test]
fn a_channel_is_one_name_whatever_it_holds() {
    assert_eq!(channel("floodway_telemetry").as_deref(), Ok(r#""floodway_telemetry""#));
    assert_eq!(channel(r#"A.b" c"#).as_deref(), Ok(r#""A.b"" c""#));
    for text in ["", "a\0b", &"ä".repeat(32)] {
        assert!(channel(text).is_err(), "{text}");
    }
}
