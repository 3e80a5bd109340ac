//! The source of PostgreSQL: what is written to a real server, by the statements that docs/postgres.md tells, reaches streams;
//! servers go and come back, fail over, refuse, and hold what nobody should have written.

use floodway_tests::broker::free_port;
use floodway_tests::gateway::Launch;
use floodway_tests::postgres::{Shutdown, insert};
use floodway_tests::{Gateway, Postgres, Stream, Transport, upstream_gap, wait_until};
use futures_util::future::join_all;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::admin::{ask, sample};

/// A gateway of these databases alone, which looks for them often.
fn gateway(urls: &str) -> Launch {
    let launch = Gateway::start_at("").without("MQTT_URL").env("FLOODWAY_POSTGRES_URL", urls);
    launch
        .env("FLOODWAY_POSTGRES_BACKOFF_MAX_SECONDS", "0.5")
        .env("STREAM_QUEUE_SIZE", 50_000)
}

/// The same, which reads the table.
fn of_table(urls: &str) -> Launch {
    gateway(urls).env("FLOODWAY_POSTGRES_TABLE", "telemetry")
}

async fn stream(gateway: &Gateway) -> Stream {
    gateway.stream(Transport::WebSocket, "T1", "").await
}

async fn is_away_and_back(stream: &mut Stream) {
    for state in ["down", "up"] {
        let notice = stream.next().await;
        assert_eq!((&notice["type"], &notice["state"]), (&json!("upstream"), &json!(state)), "{notice}");
    }
}

fn count(n: u64) -> String {
    json!({"tenant_id": "T1", "device_id": "A", "metrics": {"n": n}}).to_string()
}

#[tokio::test]
async fn a_notification_carries_an_event_as_it_was_written() {
    let server = Postgres::start().await;
    let gateway = gateway(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let mut other = gateway.ws("T2", "").await;
    let text = r#"{"tenant_id":"T1","device_id":"A","ts":7,"site":"x","metrics":{"a":72.10,"b":1e400}}"#;
    server.notify(text).await;
    let event =
        r#"{"type":"telemetry","device_id":"A","tenant_id":"T1","metrics":{"a":72.10,"b":1e400},"timestamp":7,"#;
    assert_eq!(ws.text().await, format!(r#"{event}"topic":"tenant/T1/device/A/telemetry"}}"#));
    server.notify(&count(1).replace("T1", "T2")).await;
    other.expect_numbers(1..2).await;
    for n in 0..100 {
        server.notify(&count(n)).await;
    }
    ws.expect_numbers(0..100).await;
}

#[tokio::test]
async fn without_a_table_an_outage_is_a_gap() {
    let mut server = Postgres::start().await;
    let gateway = gateway(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        server.stop(shutdown).await;
        ws.expect_upstream("down").await;
        server.start_again().await;
        ws.expect_json(upstream_gap()).await;
        ws.expect_upstream("up").await;
        server.notify(&count(1)).await;
        ws.expect_numbers(1..2).await;
    }
}

#[tokio::test]
async fn rows_reach_the_tenants_streams_in_the_order_of_their_ids() {
    let server = Postgres::start().await;
    server.count("T1", "A", 0..3).await;
    let gateway = of_table(&server.url()).await;
    let (mut one, mut other) = (stream(&gateway).await, gateway.ws("T2", "").await);
    server.count("T1", "A", 3..20).await;
    server.count_at_once("T1", "A", 20..2600).await;
    server.count("T2", "A", 7..8).await;
    assert_eq!(one.start_id(), "3", "ids are the table's own");
    one.expect_numbers(3..2600).await;
    other.expect_numbers(7..8).await;
    server
        .sql("insert into telemetry (tenant_id, device_id, ts, metrics) values ('T2', 'B', null, '{\"a\": 1.0 }')")
        .await;
    let event = r#"{"type":"telemetry","device_id":"B","tenant_id":"T2","metrics":{"a":1.0},"timestamp":null,"#;
    assert_eq!(other.text().await, format!(r#"{event}"topic":"tenant/T2/device/B/telemetry"}}"#));
}

#[tokio::test]
async fn with_a_table_nothing_is_missing_after_an_outage() {
    let mut server = Postgres::start().await;
    let gateway = of_table(&server.url()).await;
    let mut stream = stream(&gateway).await;
    server.count("T1", "A", 0..5).await;
    stream.expect_numbers(0..5).await;
    for (round, shutdown) in [(1, Shutdown::Fast), (2, Shutdown::Immediate)] {
        server.stop(shutdown).await;
        server.start_again().await;
        server.count_at_once("T1", "A", round * 5000..round * 5000 + 4000).await;
        is_away_and_back(&mut stream).await;
        stream.expect_numbers(round * 5000..round * 5000 + 4000).await;
    }
    assert!(!gateway.metrics().await.contains(r#"floodway_gaps_total{reason="upstream"} 1"#));
}

#[tokio::test]
async fn a_stream_resumes_exactly_on_any_gateway_and_after_a_restart() {
    let server = Postgres::start().await;
    let first = of_table(&server.url()).await;
    let mut one = stream(&first).await;
    server.count("T1", "A", 0..10).await;
    let id = one.expect_numbers(0..10).await;
    drop((one, first));
    server.count_at_once("T1", "A", 10..3000).await;
    server.count("T2", "A", 0..10).await;
    let second = of_table(&server.url()).await;
    for transport in Transport::ALL {
        let mut stream = second.resumed(transport, "T1", "", &id).await;
        stream.expect_numbers(10..3000).await;
    }
    let mut stream = second.resumed(Transport::Sse, "T1", "", &id).await;
    server.count("T1", "A", 3000..3010).await;
    stream.expect_numbers(10..3010).await;
}

#[tokio::test]
async fn four_writers_at_once_lose_nothing() {
    let server = Postgres::start().await;
    let gateway = of_table(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let writers = (0..4).map(|writer| {
        let device = format!("W{writer}");
        let server = &server;
        async move { server.count("T1", &device, 0..500).await }
    });
    join_all(writers).await;
    let mut next = [0; 4];
    for _ in 0..2000 {
        let event = ws.next_event().await;
        let writer = event["device_id"]
            .as_str()
            .and_then(|name| name[1..].parse::<usize>().ok())
            .expect("a writer");
        assert_eq!(event["metrics"]["n"], next[writer], "each writer's rows in order, each once");
        next[writer] += 1;
    }
}

#[tokio::test]
async fn a_row_that_is_committed_late_is_told_and_counted() {
    let server = Postgres::start().await;
    server.sql("drop trigger telemetry_lock on telemetry").await;
    let gateway = of_table(&server.url()).await;
    let mut stream = stream(&gateway).await;
    server.count("T1", "A", 0..1).await;
    let late = server.client().await;
    late.batch_execute("begin").await.expect("a transaction");
    insert(&late, "T1", "A", 9).await;
    server.count("T1", "A", 1..2).await;
    stream.expect_numbers(0..2).await;
    late.batch_execute("commit").await.expect("committed");
    gateway.is_logged("committed behind one with a higher id").await;
    server.count("T1", "A", 2..3).await;
    stream.expect_numbers(2..3).await;
}

#[tokio::test]
async fn two_thousand_a_second_arrive_while_a_stream_catches_up() {
    let server = Postgres::start().await;
    server.count_at_once("T1", "A", 0..30_000).await;
    let gateway = of_table(&server.url()).env("FLOODWAY_REPLAY_READ_BACK_EVENTS", 100_000).await;
    let (client, mut live) = (server.client().await, stream(&gateway).await);
    let publishing = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
        for round in 0..200 {
            tick.tick().await;
            for n in 0..20 {
                insert(&client, "T1", "A", 30_000 + round * 20 + n).await;
            }
        }
    };
    let catching_up = async {
        let mut late = gateway.resumed(Transport::WebSocket, "T1", "", "1").await;
        late.expect_numbers(1..34_000).await;
    };
    tokio::join!(publishing, catching_up, async { live.expect_numbers(30_000..34_000).await });
}

#[tokio::test]
async fn the_next_server_takes_over() {
    let (mut first, second) = (Postgres::start().await, Postgres::start().await);
    let dead = format!("postgres://floodway:word@127.0.0.1:{}/postgres?sslmode=disable", free_port());
    let gateway = gateway(&format!("{dead},{},{}", first.url(), second.url())).await;
    let mut ws = gateway.ws("T1", "").await;
    first.notify(&count(1)).await;
    ws.expect_numbers(1..2).await;
    first.stop(Shutdown::Immediate).await;
    ws.expect_outage().await;
    second.notify(&count(2)).await;
    ws.expect_numbers(2..3).await;
}

#[tokio::test]
async fn a_table_whose_ids_begin_anew_is_a_gap_and_then_goes_on() {
    let server = Postgres::start().await;
    let gateway = of_table(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    server.count("T1", "A", 0..20).await;
    ws.expect_numbers(0..20).await;
    server.sql("delete from telemetry").await;
    server.count("T1", "A", 20..21).await;
    ws.expect_numbers(20..21).await;
    server.sql("truncate telemetry restart identity").await;
    server.count("T1", "A", 0..1).await;
    ws.expect_outage().await;
    server.count("T1", "A", 1..2).await;
    ws.expect_numbers(1..2).await;
}

/// Why the gateway is not connected, as `GetStatus` tells.
async fn failure(launch: Launch) -> String {
    let gateway = launch.unready().await;
    let mut detail = Value::Null;
    wait_until("the failure is told", async || {
        detail = ask(&gateway, "GetStatus", json!({})).await["status"]["broker"]["last_failure"]["detail"].take();
        detail.is_string()
    })
    .await;
    let detail = detail.as_str().expect("a text").to_owned();
    let log = gateway.log();
    assert!(log.iter().any(|line| line.contains("not reached")), "{log:#?}");
    for secret in ["word", "wrong-one", "open sesame"] {
        let told = log.iter().find(|line| line.replace("password", "").contains(secret));
        assert!(told.is_none() && !detail.replace("password", "").contains(secret), "{told:?} {detail}");
    }
    detail
}

#[tokio::test]
async fn refusals_are_told_as_what_they_are_and_no_password_with_them() {
    let server = Postgres::start().await;
    server
        .sql("create role stranger login password 'word'; create table \"Odd\" (id bigint, tenant_id text)")
        .await;
    let plain = "?sslmode=disable";
    for (launch, words) in [
        (gateway(&server.url_of("floodway:wrong-one", plain)), ["28P01", "postgres.password"]),
        (gateway(&server.url_of("floodway", plain)), ["asks for a password", "postgres.password"]),
        (
            gateway(&server.url().replace("/postgres?", "/nowhere?")),
            ["3D000", "check the database in postgres.url"],
        ),
        (gateway(&server.url_of("floodway:word", "?sslmode=verify-full")), ["has no TLS", "sslmode"]),
        (of_table(&server.url_of("stranger:word", plain)), ["42501", "GRANT SELECT ON \\\"telemetry\\\""]),
        (of_table(&server.url()).env("FLOODWAY_POSTGRES_TABLE", "odd"), ["42P01", "check postgres.table"]),
        (of_table(&server.url()).env("FLOODWAY_POSTGRES_TABLE", "Odd"), ["42703", "tenant_id and device_id"]),
        (
            gateway(&format!("postgres://floodway:word@127.0.0.1:{}", free_port())),
            ["can't be reached", "postgres.url"],
        ),
    ] {
        let detail = failure(launch).await;
        assert!(words.iter().all(|word| detail.contains(&word.replace('\\', ""))), "{words:?}: {detail}");
    }
}

/// A certificate for this name that signed itself, and its key.
fn certificate(name: &str) -> (String, String) {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

#[tokio::test]
async fn tls_is_verified_whatever_sslmode_says() {
    let (good, other) = (certificate("127.0.0.1"), certificate("db.example"));
    let server = Postgres::start_with_tls(&good.0, &good.1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).expect("written");
        path.display().to_string()
    };
    let (trusted, stranger) = (file("good.pem", &good.0), file("other.pem", &other.0));
    for sslmode in ["", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-full"] {
        let url = server.url_of("floodway:word", sslmode);
        let open = gateway(&url).env("FLOODWAY_POSTGRES_TLS_CA", &trusted).await;
        let mut ws = open.ws("T1", "").await;
        server.notify(&count(1)).await;
        ws.expect_numbers(1..2).await;
        let detail = failure(gateway(&url).env("FLOODWAY_POSTGRES_TLS_CA", &stranger)).await;
        assert!(detail.contains("no trusted authority") && detail.contains("postgres.tls.ca"), "{detail}");
    }
    let server = Postgres::start_with_tls(&other.0, &other.1).await;
    let url = server.url_of("floodway:word", "?sslmode=verify-full");
    let detail = failure(gateway(&url).env("FLOODWAY_POSTGRES_TLS_CA", &stranger)).await;
    assert!(detail.contains("another name") && detail.contains("postgres.url"), "{detail}");
}

#[tokio::test]
async fn hostile_notifications_are_counted_and_hold_nothing_up() {
    let server = Postgres::start().await;
    let gateway = gateway(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let deep = format!(
        r#"{{"tenant_id":"T1","device_id":"A","metrics":{{"a":{}1{}}}}}"#,
        "[".repeat(3000),
        "]".repeat(3000)
    );
    let bad = ["", "x", "[]", "{}", r#"{"tenant_id":"T1"}"#, r#"{"tenant_id":1,"device_id":"A"}"#, &count(1)[..20]];
    for text in bad {
        server.notify(text).await;
    }
    let twice = r#"{"tenant_id":"T2","tenant_id":"T1","device_id":"A","metrics":{"n":1}}"#;
    let row = r#"{"tenant_id":"T1","device_id":"A","id":1}"#;
    let names = ["T1/x", "+", "#", "", &"x".repeat(257)]
        .map(|name| json!({"tenant_id": name, "device_id": "A", "metrics": {}}));
    server.notify(twice).await;
    server.notify(row).await;
    server.notify(&deep).await;
    for name in names {
        server.notify(&name.to_string()).await;
    }
    server.notify(&count(7)).await;
    ws.expect_numbers(7..8).await;
    let rejected = async |reason| sample(&gateway, &format!(r#"ingest_rejected_total{{reason="{reason}"}}"#)).await;
    assert_eq!(rejected("no_message").await, (bad.len() + 2).to_string());
    assert_eq!(rejected("topic").await, "5");
    assert_eq!(rejected("too_deep").await, "1");
    gateway.is_logged("a notification is not a JSON object").await;
}

#[tokio::test]
async fn hostile_rows_and_forged_notifications_reach_nobody_else() {
    let server = Postgres::start().await;
    let gateway = of_table(&server.url()).await;
    let (mut one, mut other) = (stream(&gateway).await, gateway.ws("T2", "").await);
    server.count("T1", "A", 0..1).await;
    for forged in [
        r#"{"tenant_id":"T2","device_id":"A","id":1}"#,
        r#"{"tenant_id":"T2","device_id":"A","id":9223372036854775807}"#,
        r#"{"tenant_id":"T2","device_id":"A","metrics":{"n":1}}"#,
        r#"{"id":-1}"#,
        "x",
    ] {
        server.notify(forged).await;
    }
    let large = "json_build_object('pad', repeat('x', 200000))";
    let insert = "insert into telemetry (tenant_id, device_id, metrics) values";
    server
        .sql(&format!("{insert} ('T1/x', 'A', '{{}}'), ('', 'A', '{{}}'), ('T1', repeat('x', 1000000), '{{}}'), ('T1', 'A', {large})"))
        .await;
    server
        .sql(&format!("{insert} ('T1', 'A', '[]'), ('T1', 'A', '{{\"n\":1,\"a\":\"\\u0000\"}}')"))
        .await;
    one.expect_numbers(0..2).await;
    server.count("T2", "A", 5..6).await;
    other.expect_numbers(5..6).await;
    let rejected = async |reason| sample(&gateway, &format!(r#"ingest_rejected_total{{reason="{reason}"}}"#)).await;
    assert_eq!(rejected("no_message").await, "3");
    assert_eq!(rejected("topic").await, "3");
    assert_eq!(rejected("too_large").await, "1");
    assert_eq!(rejected("metrics_not_an_object").await, "1");
}
