//! Tests of `instruments::loadgen::plan`.

use super::*;

#[test]
fn a_phase_is_what_was_written() {
    for text in ["paced:20:3", "paced:0.5:1.5", "window:64:2", "single:100", "idle:1"] {
        assert_eq!(text.parse::<Phase>().unwrap().to_string(), text);
    }
    for wrong in ["paced:20", "window:0:1", "single:-1", "idle:inf", "idle:4000", "paced:nan:1", "burst:1"] {
        assert!(wrong.parse::<Phase>().is_err(), "{wrong}");
    }
}

#[test]
fn metric_filters_have_their_metrics_in_the_payload() {
    let wants = Wants { devices: 3, one_of: Some(2), metric_filters: 5 };
    let mut payload = Vec::new();
    wants.payload(1, 7, 99, &mut payload);
    let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(json["metrics"]["d"], 1);
    assert_eq!(json["metrics"]["n"], 7);
    assert_eq!(json["metrics"]["at"], 99);
    for subscriber in 0..9 {
        let letter = wants.letter(subscriber).unwrap().to_string();
        assert!(json["metrics"][&letter].is_u64(), "{letter}");
        assert_eq!(wants.device(subscriber), Some(subscriber as u32 % 2));
    }
}
