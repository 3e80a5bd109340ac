//! What carries MQTT to the gateway: TLS, a WebSocket, both; and how it is told that they don't.

use std::sync::Arc;

use floodway_tests::broker::free_port;
use floodway_tests::certificates::{Authority, Identity};
use floodway_tests::gateway::{Launch, floodway_run};
use floodway_tests::token::SECRET;
use floodway_tests::{Broker, Gateway, within};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::admin::ask;

/// A broker that devices reach by TCP, and the port of another listener of its, of which these lines say what it speaks.
async fn with_listener(lines: &str) -> (Broker, u16) {
    let port = free_port();
    let broker = Broker::start_with(&format!("listener {port} 127.0.0.1\n{lines}")).await;
    (broker, port)
}

fn tls_lines(identity: &Identity) -> String {
    format!("certfile {}\nkeyfile {}\n", identity.cert, identity.key)
}

fn quick(url: &str, authority: &Authority) -> Launch {
    Gateway::start_at(url)
        .env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2")
        .env("FLOODWAY_MQTT_TLS_CA", authority.file())
}

/// Events arrive in order, also those after the broker was lost and is back.
async fn carries_events(launch: Launch, mut broker: Broker) {
    // The reader begins when all of them are there.
    let gateway = launch.env("STREAM_QUEUE_SIZE", 1000).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut publisher = broker.publisher().await;
    publisher.count("T1", "A", 0..500).await;
    let pad = "x".repeat(100_000);
    publisher
        .telemetry("T1", "A", format!(r#"{{"metrics":{{"n":500,"pad":"{pad}"}}}}"#))
        .await;
    ws.expect_numbers(0..500).await;
    assert_eq!(ws.next_number().await, 500);
    broker.stop();
    broker.start_again().await;
    ws.expect_outage().await;
    broker.publisher().await.count("T1", "A", 0..10).await;
    ws.expect_numbers(0..10).await;
}

#[tokio::test]
async fn tls_carries_events() {
    let authority = Authority::new("A");
    let (broker, port) = with_listener(&tls_lines(&authority.vouch(&["localhost"]))).await;
    carries_events(quick(&format!("mqtts://localhost:{port}"), &authority), broker).await;
}

#[tokio::test]
async fn a_websocket_carries_events() {
    let (broker, port) = with_listener("protocol websockets").await;
    let launch = Gateway::start_at(&format!("ws://127.0.0.1:{port}"));
    carries_events(launch.env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2"), broker).await;
}

#[tokio::test]
async fn a_websocket_over_tls_carries_events() {
    let authority = Authority::new("A");
    let lines = tls_lines(&authority.vouch(&["localhost", "127.0.0.1"])) + "protocol websockets";
    let (broker, port) = with_listener(&lines).await;
    carries_events(quick(&format!("wss://127.0.0.1:{port}/any"), &authority), broker).await;
}

#[tokio::test]
async fn a_broker_that_demands_a_client_certificate_gets_it() {
    let authority = Authority::new("A");
    let lines = tls_lines(&authority.vouch(&["localhost"]));
    let lines = format!("{lines}cafile {}\nrequire_certificate true", authority.file());
    let (_broker, port) = with_listener(&lines).await;
    let quick = || quick(&format!("mqtts://localhost:{port}"), &authority);
    let show = |launch: Launch, identity: &Identity| {
        let launch = launch.env("FLOODWAY_MQTT_TLS_CERT", &identity.cert);
        launch.env("FLOODWAY_MQTT_TLS_KEY", &identity.key)
    };
    let without = quick().unready().await;
    without.is_logged("set mqtt.tls.cert and mqtt.tls.key").await;
    let stranger = Authority::new("B");
    let refused = show(quick(), &stranger.vouch(&["gateway"])).unready().await;
    refused.is_logged("does not accept the client certificate mqtt.tls.cert").await;
    let metrics = refused.metrics().await;
    assert!(!metrics.contains(r#"attempts_total{result="refused"} 0"#), "{metrics}");
    show(quick(), &authority.vouch(&["gateway"])).await.ws("T1", "").await;
}

#[tokio::test]
async fn a_certificate_that_can_not_be_trusted_is_told_with_what_is_wrong_with_it() {
    let authority = Authority::new("A");
    let stranger = Authority::new("B");
    let known = |names: &[&str], years| authority.vouch_within(names, years);
    let untrusted = format!("no authority in mqtt.tls.ca = {:?}", authority.file());
    for (name, years, words) in [
        ("stranger", 2000..2100, untrusted.as_str()),
        ("other.example", 2000..2100, "other.example"),
        ("localhost", 2000..2001, "certificate expired"),
        ("localhost", 2090..2100, "not valid yet"),
    ] {
        let identity = if name == "stranger" {
            stranger.vouch(&["localhost"])
        } else {
            known(&[name], years)
        };
        let (_broker, port) = with_listener(&tls_lines(&identity)).await;
        let gateway = quick(&format!("mqtts://localhost:{port}"), &authority).unready().await;
        gateway.is_logged("its certificate").await;
        let told = ask(&gateway, "GetStatus", json!({})).await;
        let detail = told["status"]["broker"]["last_failure"]["detail"].as_str().expect("a text");
        assert!(detail.contains(words), "{words}: {detail}");
        let metrics = gateway.metrics().await;
        assert!(!metrics.contains(r#"attempts_total{result="untrusted"} 0"#), "{metrics}");
        assert!(metrics.contains(r#"attempts_total{result="connected"} 0"#), "{metrics}");
    }
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_told_as_that() {
    let authority = Authority::new("A");
    let (broker, tls) = with_listener(&tls_lines(&authority.vouch(&["localhost"]))).await;
    let (_other, websocket) = with_listener("protocol websockets").await;
    let web = Gateway::start(&broker).await;
    let plain = broker.port();
    for (url, words) in [
        (format!("mqtts://localhost:{plain}"), "in the TLS handshake"),
        (format!("mqtt://localhost:{tls}"), "mqtts://"),
        (format!("ws://localhost:{plain}"), "without an answer to the WebSocket upgrade"),
        (format!("ws://localhost:{tls}"), "check"),
        (format!("mqtt://localhost:{websocket}"), "check mqtt.url"),
        (
            format!("ws://{}", web.address()),
            "it refused the WebSocket: status 404; check the path in mqtt.url",
        ),
    ] {
        let gateway = Gateway::start_at(&url).unready().await;
        gateway.is_logged(words).await;
    }
}

#[tokio::test]
async fn a_protocol_that_is_set_is_offered() {
    let authority = Authority::new("A");
    let identity = authority.vouch(&["localhost"]);
    let broker = Broker::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("mqtts://localhost:{}", listener.local_addr().expect("an address").port());
    let acceptor = acceptor(&identity, &["x-amzn-mqtt-ca"]);
    let gateway = quick(&url, &authority)
        .env("FLOODWAY_MQTT_TLS_ALPN", "mqtt,x-amzn-mqtt-ca")
        .unready()
        .await;
    let (socket, _) = within("a connection", listener.accept()).await.expect("a connection");
    let mut tls = within("a handshake", acceptor.accept(socket)).await.expect("a handshake");
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"x-amzn-mqtt-ca"[..]));
    assert_eq!(tls.get_ref().1.server_name(), Some("localhost"));
    let mut inner = TcpStream::connect(("127.0.0.1", broker.port())).await.expect("the broker");
    tokio::spawn(async move { copy_bidirectional(&mut tls, &mut inner).await });
    gateway.is_ready().await;
}

/// The server's side of handshakes in which one of these protocols is agreed on.
fn acceptor(identity: &Identity, protocols: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let chain = vec![CertificateDer::from_pem_file(&identity.cert).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let builder = builder.expect("protocol versions").with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).expect("a pair");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_file_that_is_none_is_an_error_at_the_start() {
    let authority = Authority::new("A");
    let (ca, pair) = (authority.file(), authority.vouch(&["gateway"]));
    let other = authority.vouch(&["other"]);
    let (cert, key) = ("FLOODWAY_MQTT_TLS_CERT", "FLOODWAY_MQTT_TLS_KEY");
    for (settings, words) in [
        (vec![("FLOODWAY_MQTT_TLS_CA", "no-such.pem")], "mqtt.tls.ca = \"no-such.pem\": No such file"),
        (vec![("FLOODWAY_MQTT_TLS_CA", pair.key.as_str())], "holds no certificate"),
        (vec![(cert, pair.cert.as_str()), (key, other.key.as_str())], "mqtt.tls.key must be the key of"),
        (vec![(cert, pair.cert.as_str()), (key, ca.as_str())], "mqtt.tls.key = "),
    ] {
        let common = [("FLOODWAY_JWT_SECRET", SECRET), ("MQTT_URL", "mqtts://localhost")];
        let settings = [&common[..], &[("FLOODWAY_MQTT_TLS_CA", ca.as_str())], &settings].concat();
        for command in ["check", "serve"] {
            let refused = floodway_run(&[command], &settings).await;
            assert_eq!(refused.code, Some(2), "{command}: {}", refused.stderr);
            assert!(refused.stderr.contains(words), "{command}: {}", refused.stderr);
        }
    }
}
