//! What every source owes its users, told once and run against a real server of each: order, live means live, an outage that is
//! reported, a server that starts again, hostile payloads, wrong credentials; and several sources at once.

use floodway_tests::broker::free_port;
use floodway_tests::gateway::Launch;
use floodway_tests::postgres::Shutdown;
use floodway_tests::{Broker, Gateway, NatsServer, Postgres, Ws, topic, wait_until};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::admin::{ask, number};

/// A server of some kind, and how devices' telemetry gets there.
enum Server {
    Mqtt(Broker),
    Table(Postgres),
    JetStream(NatsServer),
}

impl Server {
    async fn mqtt() -> Self {
        Self::Mqtt(Broker::start().await)
    }

    async fn table() -> Self {
        Self::Table(Postgres::start().await)
    }

    async fn jetstream() -> Self {
        Self::JetStream(NatsServer::start().await)
    }

    fn url(&self) -> String {
        match self {
            Self::Mqtt(broker) => broker.url(),
            Self::Table(server) => server.url(),
            Self::JetStream(server) => server.url(),
        }
    }

    /// With this server at `url`, in place of or beside what `launch` has.
    fn beside(&self, launch: Launch, url: &str) -> Launch {
        match self {
            Self::Mqtt(_) => launch.env("MQTT_URL", url).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2"),
            Self::Table(_) => {
                let launch = launch.env("FLOODWAY_POSTGRES_URL", url).env("FLOODWAY_POSTGRES_TABLE", "telemetry");
                launch.env("FLOODWAY_POSTGRES_BACKOFF_MAX_SECONDS", "0.2")
            }
            Self::JetStream(_) => {
                let launch = launch.env("FLOODWAY_NATS_URL", url).env("FLOODWAY_NATS_REPAIR_SECONDS", 1);
                launch.env("FLOODWAY_NATS_BACKOFF_MAX_SECONDS", "0.2")
            }
        }
    }

    /// A gateway of this server alone.
    fn gateway(&self, url: &str) -> Launch {
        let launch = Gateway::start_at("").without("MQTT_URL").env("STREAM_QUEUE_SIZE", 10_000);
        self.beside(launch, url)
    }

    /// Publishes an event with these metrics for each of their texts.
    async fn publish(&self, tenant: &str, metrics: &[String]) {
        let payload = |metrics: &String| format!(r#"{{"metrics":{metrics}}}"#);
        match self {
            Self::Mqtt(broker) => {
                let mut publisher = broker.publisher().await;
                for metrics in metrics {
                    publisher.send(&topic(tenant, "A"), payload(metrics)).await;
                }
                publisher.settled().await;
            }
            Self::Table(server) => {
                let values = metrics.iter().map(|metrics| format!("('{tenant}', 'A', '{metrics}')"));
                let values: Vec<String> = values.collect();
                let text =
                    format!("insert into telemetry (tenant_id, device_id, metrics) values {}", values.join(", "));
                server.sql(&text).await;
            }
            Self::JetStream(server) => {
                let mut client = server.client().await;
                for metrics in metrics {
                    client.telemetry(tenant, "A", &payload(metrics)).await;
                }
            }
        }
    }

    async fn count(&self, tenant: &str, numbers: std::ops::Range<u64>) {
        let metrics: Vec<String> = numbers.map(|n| format!(r#"{{"n":{n}}}"#)).collect();
        self.publish(tenant, &metrics).await;
    }

    async fn stop(&mut self) {
        match self {
            Self::Mqtt(broker) => broker.stop(),
            Self::Table(server) => server.stop(Shutdown::Fast).await,
            Self::JetStream(server) => server.kill(),
        }
    }

    async fn start_again(&mut self) {
        match self {
            Self::Mqtt(broker) => broker.start_again().await,
            Self::Table(server) => server.start_again().await,
            Self::JetStream(server) => server.start_again().await,
        }
    }

    /// Whether what it brings is numbered, so that an outage costs nothing.
    fn is_numbered(&self) -> bool {
        !matches!(self, Self::Mqtt(_))
    }
}

async fn events_keep_their_order_and_reach_their_tenants_streams_alone(server: Server) {
    let gateway = server.gateway(&server.url()).await;
    let (mut ws, mut sse) = (gateway.ws("T1", "").await, gateway.sse("T1", "").await);
    let mut other = gateway.ws("T2", "").await;
    server.count("T1", 0..500).await;
    server.count("T2", 7..8).await;
    ws.expect_numbers(0..500).await;
    sse.expect_numbers(0..500).await;
    other.expect_numbers(7..8).await;
}

async fn whoever_is_connected_misses_nothing_that_is_published_then(server: Server) {
    let gateway = server.gateway(&server.url()).await;
    for round in 0..5 {
        let tenants: Vec<String> = (0..3).map(|tenant| format!("T{round}-{tenant}")).collect();
        let mut streams: Vec<Ws> = join_all(tenants.iter().map(|tenant| gateway.ws(tenant, ""))).await;
        for (tenant, ws) in tenants.iter().zip(&mut streams) {
            server.count(tenant, 0..1).await;
            ws.expect_numbers(0..1).await;
        }
    }
}

async fn an_outage_is_reported_and_what_follows_is_live(mut server: Server) {
    let gateway = server.gateway(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    server.count("T1", 0..3).await;
    ws.expect_numbers(0..3).await;
    server.stop().await;
    ws.expect_upstream("down").await;
    server.start_again().await;
    if !server.is_numbered() {
        ws.expect_json(floodway_tests::upstream_gap()).await;
    }
    ws.expect_upstream("up").await;
    server.count("T1", 3..6).await;
    ws.expect_numbers(3..6).await;
}

async fn what_is_no_event_is_dropped_and_counted_and_the_next_one_comes(server: Server) {
    let gateway = server.gateway(&server.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let bad = ["[]", "1", "null", r#""text""#, &deep].map(str::to_owned);
    server.publish("T1", &bad).await;
    server.publish("T1", &[r#"{"n":1e400,"m":72.10}"#.to_owned()]).await;
    assert!(
        ws.text().await.contains(r#""metrics":{"n":1e400,"m":72.10}"#),
        "values are passed on as they were sent"
    );
    let status = &ask(&gateway, "GetStatus", json!({})).await["status"];
    let rejected = status["ingest"]["rejected_by_reason"].as_object().expect("reasons").values();
    let rejected: u64 = rejected.map(number).sum();
    assert_eq!(rejected, bad.len() as u64, "{status}");
}

/// What `GetStatus` tells of the source's failure, once that names this setting.
async fn failure_with(gateway: &Gateway, setting: &str) -> Value {
    let mut failure = Value::Null;
    wait_until("the failure is told", async || {
        failure = ask(gateway, "GetStatus", json!({})).await["status"]["sources"][0]["last_failure"].take();
        failure["detail"].as_str().is_some_and(|detail| detail.contains(setting))
    })
    .await;
    failure
}

async fn a_server_that_is_not_there_is_named_with_its_setting(server: Server) {
    let nowhere = match &server {
        Server::Mqtt(_) => format!("mqtt://127.0.0.1:{}", free_port()),
        Server::Table(_) => format!("postgres://postgres@127.0.0.1:{}/postgres", free_port()),
        Server::JetStream(_) => format!("nats://127.0.0.1:{}", free_port()),
    };
    let gateway = server.gateway(&nowhere).unready().await;
    let failure = failure_with(&gateway, ".url").await;
    assert_eq!(gateway.get("/readyz").await.0, 503, "{failure}");
}

macro_rules! every_source {
    ($($story:ident)+) => {
        every_source!(@ mqtt $($story)+);
        every_source!(@ table $($story)+);
        every_source!(@ jetstream $($story)+);
    };
    (@ $source:ident $($story:ident)+) => {
        mod $source {
            use super::Server;
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story(Server::$source().await).await;
                }
            )+
        }
    };
}

every_source! {
    events_keep_their_order_and_reach_their_tenants_streams_alone
    whoever_is_connected_misses_nothing_that_is_published_then
    an_outage_is_reported_and_what_follows_is_live
    what_is_no_event_is_dropped_and_counted_and_the_next_one_comes
    a_server_that_is_not_there_is_named_with_its_setting
}

async fn a_wrong_password_is_told_with_its_setting(server: Server) {
    let (launch, setting) = match &server {
        Server::Mqtt(broker) => {
            let launch = server.gateway(&broker.url()).env("MQTT_USERNAME", "gateway");
            (launch.env("MQTT_PASSWORD", "wrong-one"), "mqtt.password")
        }
        Server::Table(database) => {
            let url = database.url_of("floodway:wrong-one", "?sslmode=disable");
            (server.gateway(&url), "postgres.password")
        }
        Server::JetStream(nats) => {
            let launch = server.gateway(&nats.url()).env("FLOODWAY_NATS_USERNAME", "gateway");
            (launch.env("FLOODWAY_NATS_PASSWORD", "wrong-one"), "nats.password")
        }
    };
    let gateway = launch.unready().await;
    let failure = failure_with(&gateway, setting).await;
    let all = format!("{failure}{}{}", gateway.log().concat(), gateway.metrics().await);
    assert!(!all.contains("wrong-one"), "{all}");
    assert!(all.contains(setting) && !all.contains(r#"attempts_total{result="refused"} 0"#), "{all}");
}

#[tokio::test]
async fn each_source_tells_a_wrong_password_with_its_setting() {
    let user = "authorization { user: gateway, password: word }";
    let broker = Broker::start_with_password("gateway", "word").await;
    a_wrong_password_is_told_with_its_setting(Server::Mqtt(broker)).await;
    a_wrong_password_is_told_with_its_setting(Server::table().await).await;
    a_wrong_password_is_told_with_its_setting(Server::JetStream(NatsServer::start_with(user).await)).await;
}

#[tokio::test]
async fn of_several_sources_each_brings_its_events_and_one_that_is_away_holds_up_nobody() {
    let (broker, mut database) = (Server::mqtt().await, Server::table().await);
    let launch = database.beside(broker.gateway(&broker.url()), &database.url());
    let gateway = launch.await;
    let mut ws = gateway.ws("T1", "").await;
    broker.count("T1", 0..2).await;
    ws.expect_numbers(0..2).await;
    database.count("T1", 2..4).await;
    ws.expect_numbers(2..4).await;
    database.stop().await;
    ws.expect_upstream("down").await;
    wait_until("the one that is away is named", async || {
        gateway.get("/readyz").await == (reqwest::StatusCode::OK, json!({"status": "ready", "down": ["postgres"]}))
    })
    .await;
    let mut fresh = gateway.ws("T2", "").await;
    broker.count("T2", 5..6).await;
    fresh.expect_numbers(5..6).await;
    let metrics = gateway.metrics().await;
    assert!(metrics.contains(r#"floodway_source_up{source="mqtt-0"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"floodway_source_up{source="postgres-1"} 0"#), "{metrics}");
    database.start_again().await;
    ws.expect_upstream("up").await;
    database.count("T1", 6..7).await;
    ws.expect_numbers(6..7).await;
}

#[tokio::test]
async fn a_stream_that_began_while_a_source_was_away_is_told_that_it_may_have_missed_events() {
    let (broker, mut database) = (Server::mqtt().await, Server::table().await);
    database.stop().await;
    let gateway = database.beside(broker.gateway(&broker.url()), &database.url()).await;
    let mut ws = gateway.ws("T1", "").await;
    database.start_again().await;
    ws.expect_json(floodway_tests::upstream_gap()).await;
    database.count("T1", 0..2).await;
    ws.expect_numbers(0..2).await;
}
