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
        ("wss://me:p@h/a@b", "wss://h:443/a@b", Some(("me", "p"))),
    ] {
        let broker = Broker::parse(url).unwrap();
        assert_eq!((broker.to_string().as_str(), broker.login()), (shown, login), "{url}");
        assert_eq!(format!("{broker:?}"), shown, "no secret in debug output either");
    }
}

#[test]
fn a_scheme_gives_the_port_and_what_carries_mqtt() {
    for (url, shown, tls_name, path) in [
        ("mqtt://h", "mqtt://h:1883", None, None),
        ("MQTTS://h", "mqtts://h:8883", Some("h"), None),
        ("ssl://h:1", "mqtts://h:1", Some("h"), None),
        ("tls://[::1]/", "mqtts://[::1]:8883", Some("::1"), None),
        ("ws://h", "ws://h:80/mqtt", None, Some("/mqtt")),
        ("ws://h:8083/", "ws://h:8083/", None, Some("/")),
        ("wss://h", "wss://h:443/mqtt", Some("h"), Some("/mqtt")),
        ("wss://h/a/b%20c", "wss://h:443/a/b%20c", Some("h"), Some("/a/b%20c")),
    ] {
        let broker = Broker::parse(url).unwrap();
        assert_eq!(normal_url(url).as_deref(), Ok(shown), "{url}");
        let name = broker.tls_name.as_ref().map(ServerName::to_str);
        assert_eq!((name.as_deref(), broker.path.as_deref()), (tls_name, path), "{url}");
    }
}

#[test]
fn http_is_told_a_port_that_its_scheme_does_not_imply() {
    for (url, authority) in
        [("ws://h", "h"), ("ws://h:443", "h:443"), ("wss://[::1]:443", "[::1]"), ("wss://h:8084", "h:8084")]
    {
        assert_eq!(Broker::parse(url).unwrap().authority(), authority, "{url}");
    }
}

#[test]
fn a_bad_url_is_refused_with_the_part_that_is_wrong() {
    for (url, why) in [
        ("localhost:1883", BadUrl::Scheme),
        ("https://localhost", BadUrl::Scheme),
        ("mqtt://", BadUrl::Host),
        ("mqtt://:1883", BadUrl::Host),
        ("mqtt://a b", BadUrl::Host),
        ("mqtt://::1", BadUrl::Host),
        ("mqtt://[::g]:1", BadUrl::Host),
        ("mqtts://-h", BadUrl::Host),
        ("mqtt://host/path", BadUrl::Path),
        ("mqtts://host/path", BadUrl::Path),
        ("mqtt://host?a=b", BadUrl::Path),
        ("ws://host/a?token=b", BadUrl::Path),
        ("ws://host#a", BadUrl::Path),
        ("ws://host/a b", BadUrl::Path),
        ("ws://host/\r\nX: y", BadUrl::Path),
        ("mqtt://host:0", BadUrl::Port),
        ("wss://host:70000", BadUrl::Port),
        ("mqtt://u:%4@host", BadUrl::Login),
        ("mqtt://u:%ff@host", BadUrl::Login),
        ("mqtt://u:%+1@host", BadUrl::Login),
        ("mqtt://u%00:p@host", BadUrl::Login),
    ] {
        assert_eq!(Broker::parse(url), Err(why), "{url}");
    }
}
