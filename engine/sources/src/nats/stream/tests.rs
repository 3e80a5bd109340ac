//! Tests of `nats::stream`.

use super::*;

fn prefixes(config: Value) -> Vec<&'static str> {
    let info = json!({"config": config, "created": "", "state": {"first_seq": 0, "last_seq": 0}});
    let info: StreamInfo = serde_json::from_value(info).expect("a stream");
    info.prefixes()
}

#[test]
fn what_a_stream_takes_up_says_which_subjects_it_holds() {
    assert_eq!(prefixes(json!({"subjects": ["tenant.>"]})), [""]);
    assert_eq!(
        prefixes(json!({"sources": [{"name": STORE, "consumer": {"name": "floodway-source"}}]})),
        [MQTT_STORE]
    );
    assert_eq!(prefixes(json!({"subjects": ["tenant.>"], "sources": [{"name": STORE}]})), ["", MQTT_STORE]);
    assert_eq!(prefixes(json!({"subjects": ["$MQTT.msgs.tenant.>"]})), [MQTT_STORE]);
    assert_eq!(prefixes(json!({"mirror": {"name": "elsewhere"}})), ["", MQTT_STORE]);
    assert_eq!(prefixes(json!({"subjects": [">"]})), ["", MQTT_STORE]);
}
