//! Tests of `instruments::loadgen::telemetry`.

use super::*;

#[test]
fn stamps_are_found_in_any_order_and_spacing() {
    let reader = Reader::new();
    let stamp = Some(Stamp { device: 3, n: 12, at_us: 123_456_789_012 });
    for text in [
        r#"{"type":"telemetry","device_id":"d9","metrics":{"d":3,"n":12,"at":123456789012}}"#,
        r#"{"metrics": {"temperature": 72.5, "d": 3, "n": 12, "at": 123456789012}}"#,
        r#"{"metrics":{"at":123456789012,"x":1,"n":12,"d":3}}"#,
    ] {
        assert_eq!(reader.read(text.as_bytes()), stamp, "{text}");
    }
    for text in ["", "hi", r#"{"d":1,"n":2}"#, r#"{"d":1,"n":,"at":3}"#, r#"{"d":99999999999,"n":1,"at":3}"#] {
        assert_eq!(reader.read(text.as_bytes()), None, "{text}");
    }
}
