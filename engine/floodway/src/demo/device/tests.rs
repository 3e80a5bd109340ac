//! Tests of `demo::device`.

use serde_json::Value;

use super::*;
use crate::demo::kinds::room;

const DEVICE: Device = Device { tenant: "acme", site: "PLANT-1", id: "climate-1", measure: room };

#[test]
fn a_message_is_of_the_form_that_the_gateway_takes() {
    let now = UNIX_EPOCH + Duration::from_secs(1_771_243_200);
    let payload = DEVICE.payload(now);
    let text = std::str::from_utf8(&payload).expect("UTF-8");
    assert!(text.starts_with(r#"{"ts":"2026-02-16T12:00:00.000Z","site_id":"PLANT-1","provision_token":""#));
    let message: Value = serde_json::from_str(text).expect("JSON");
    assert!(message["metrics"]["temperature"].is_number(), "{text}");
    let place = |name| text.find(name).expect("a metric");
    assert!(place("temperature") < place("humidity"), "{text}");
    assert_eq!(DEVICE.topic(), "tenant/acme/device/climate-1/telemetry");
}

#[test]
fn pauses_differ_and_are_about_a_second() {
    let pauses: Vec<f64> = (0..100).map(|n| DEVICE.pause(n).as_secs_f64()).collect();
    assert!(pauses.iter().all(|pause| (0.85..1.15).contains(pause)));
    let mean = pauses.iter().sum::<f64>() / 100.0;
    assert!((0.97..1.03).contains(&mean), "{mean}");
    assert_ne!(pauses[0], pauses[1]);
}
