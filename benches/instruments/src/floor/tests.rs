//! Tests of `instruments::floor`.

use super::*;

#[test]
fn a_broker_is_a_url_with_a_port() {
    assert_eq!(broker("mqtt://h:1883"), Ok("h:1883".to_owned()));
    assert_eq!(broker("mqtt://h:1883/"), Ok("h:1883".to_owned()));
    for wrong in ["h:1883", "mqtts://h:1", "mqtt://h"] {
        assert!(broker(wrong).is_err(), "{wrong}");
    }
}
