//! Tests of `mqtt::broker`.

use super::*;

#[test]
fn a_url_gives_host_port_and_login() {
    for (url, shown, login) in [
        ("mqtt://localhost:1884", "mqtt://localhost:1884", None),
        ("tcp://broker.example/", "mqtt://broker.example:1883", None),
        ("mqtt://[::1]:99", "mqtt://[::1]:99", None),
        ("mqtt://[::1]", "mqtt://[::1]:1883", None),
        ("mqtt://me:a%40b:c@10.0.0.1:1", "mqtt://10.0.0.1:1", Some(("me", "a@b:c"))),
        ("mqtt://me@iot_mqtt", "mqtt://iot_mqtt:1883", Some(("me", ""))),
    ] {
        let broker = Broker::parse(url).unwrap();
        assert_eq!((broker.to_string().as_str(), broker.login()), (shown, login), "{url}");
        assert_eq!(format!("{broker:?}"), shown, "no secret in debug output either");
    }
}

#[test]
fn a_bad_url_is_refused_with_the_part_that_is_wrong() {
    for (url, why) in [
        ("localhost:1883", BadUrl::Scheme),
        ("mqtts://localhost", BadUrl::Scheme),
        ("mqtt://", BadUrl::Host),
        ("mqtt://:1883", BadUrl::Host),
        ("mqtt://a b", BadUrl::Host),
        ("mqtt://::1", BadUrl::Host),
        ("mqtt://[::g]:1", BadUrl::Host),
        ("mqtt://host/path", BadUrl::Host),
        ("mqtt://host:0", BadUrl::Port),
        ("mqtt://host:70000", BadUrl::Port),
        ("mqtt://u:%4@host", BadUrl::Login),
        ("mqtt://u:%ff@host", BadUrl::Login),
        ("mqtt://u:%+1@host", BadUrl::Login),
        ("mqtt://u%00:p@host", BadUrl::Login),
    ] {
        assert_eq!(Broker::parse(url), Err(why), "{url}");
    }
}
