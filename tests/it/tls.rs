//! The same listener over TLS: WebSocket, SSE on either version of HTTP, and nothing in the clear.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use floodway_tests::gateway::Launch;
use floodway_tests::process::run;
use floodway_tests::raw::Raw;
use floodway_tests::{Broker, Gateway, SSE_PATH, STATUS_PATH, WS_PATH, Ws, token, within};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for `localhost`, in files.
struct Identity {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("it is written");
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("it is written");
        Self { folder, certificate: made.cert.der().clone() }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn of(&self, launch: Launch) -> Launch {
        // Readiness is asked for in the clear elsewhere; here it is asked by TLS.
        let launch = launch.env("FLOODWAY_TLS_CERT", self.file("cert.pem"));
        launch.env("FLOODWAY_TLS_KEY", self.file("key.pem")).unready()
    }

    async fn connect(&self, gateway: &Gateway, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.expect("protocol versions").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").expect("a name");
        let socket = TcpStream::connect(gateway.address()).await.expect("the gateway accepts");
        within("the TLS handshake", TlsConnector::from(Arc::new(config)).connect(name, socket))
            .await
            .expect("TLS")
    }

    /// curl of a path, with the certificate as the only one that is trusted.
    async fn curl(&self, gateway: &Gateway, arguments: &[&str], path: &str) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--cacert", &self.file("cert.pem")]);
        command
            .args(arguments)
            .arg(format!("https://localhost:{}{path}", gateway.address().port()));
        run("curl", command).await.stdout
    }

    async fn ready(&self, broker: &Broker) -> Gateway {
        let gateway = self.of(Gateway::start(broker)).await;
        floodway_tests::wait_until("the gateway is ready", async || {
            self.curl(&gateway, &["--output", "/dev/null", "--write-out", "%{http_code}"], "/readyz")
                .await
                == "200"
        })
        .await;
        gateway
    }
}

#[tokio::test]
async fn a_websocket_runs_over_tls() {
    let broker = Broker::start().await;
    let identity = Identity::new();
    let gateway = identity.ready(&broker).await;
    let wire = identity.connect(&gateway, &["http/1.1"]).await;
    let bearer = [("authorization", format!("Bearer {}", token("T1").sign()))];
    let mut ws = Ws::over(Box::new(wire), &format!("ws://localhost{WS_PATH}"), &bearer)
        .await
        .expect("an upgrade");
    ws.read_connected().await;
    let mut publisher = broker.publisher().await;
    let pad = "x".repeat(50_000);
    for n in 0..20 {
        publisher
            .telemetry("T1", "A", format!(r#"{{"metrics":{{"n":{n},"pad":"{pad}"}}}}"#))
            .await;
        assert_eq!(ws.next_number().await, n);
    }
    assert_eq!(ws.ask(serde_json::json!({"action": "ping"})).await["type"], "pong");
    ws.close().await;
    let status = identity.curl(&gateway, &[], STATUS_PATH).await;
    assert!(status.contains(r#""max_per_tenant":10"#), "{status}");
}

#[tokio::test]
async fn server_sent_events_run_over_tls_by_either_version() {
    let broker = Broker::start().await;
    let identity = Identity::new();
    let gateway = identity.ready(&broker).await;
    let mut publisher = broker.publisher().await;
    for version in ["--http1.1", "--http2"] {
        // The stream ends with its token; until then an event is published now and then.
        let short = token("T1").ttl(Duration::from_secs(4)).sign();
        let bearer = format!("Authorization: Bearer {short}");
        let arguments = [version, "--no-buffer", "--header", &bearer, "--write-out", "version %{http_version}"];
        let reading = identity.curl(&gateway, &arguments, SSE_PATH);
        tokio::pin!(reading);
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        let text = loop {
            tokio::select! {
                text = &mut reading => break text,
                _ = pace.tick() => publisher.telemetry("T1", "A", r#"{"metrics":{"n":7}}"#).await,
            }
        };
        assert!(text.contains("event: connected\n"), "{version}: {text}");
        assert!(text.contains(r#""metrics":{"n":7}"#), "{version}: {text}");
        let wanted = if version == "--http2" { "version 2" } else { "version 1.1" };
        assert!(text.ends_with(wanted), "{version}: {text}");
    }
}

#[tokio::test]
async fn the_protocol_is_agreed_by_alpn() {
    let broker = Broker::start().await;
    let identity = Identity::new();
    let gateway = identity.ready(&broker).await;
    for (offered, agreed) in
        [(&["h2", "http/1.1"][..], Some(&b"h2"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let wire = identity.connect(&gateway, offered).await;
        assert_eq!(wire.get_ref().1.alpn_protocol(), agreed, "{offered:?}");
    }
}

#[tokio::test]
async fn nothing_is_served_in_the_clear() {
    let broker = Broker::start().await;
    let identity = Identity::new();
    let gateway = identity.ready(&broker).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.write(format!("GET {STATUS_PATH} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .await
        .expect("it is accepted");
    let answer = String::from_utf8_lossy(&raw.read_to_end().await).into_owned();
    assert!(!answer.contains("total_connections"), "{answer}");
    let status = identity.curl(&gateway, &[], STATUS_PATH).await;
    assert!(status.contains("total_connections"), "and others are served: {status}");
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let identity = Identity::new();
    let certificate = identity.file("cert.pem");
    let key = ("FLOODWAY_JWT_SECRET", floodway_tests::token::SECRET);
    for settings in [
        vec![key, ("FLOODWAY_TLS_CERT", certificate.as_str())],
        vec![key, ("FLOODWAY_TLS_CERT", certificate.as_str()), ("FLOODWAY_TLS_KEY", "no-such-file.pem")],
    ] {
        let refused = floodway_tests::gateway::floodway_run(&["serve"], &settings).await;
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("tls"), "it names the setting: {}", refused.stderr);
    }
}
