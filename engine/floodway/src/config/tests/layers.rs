//! Which value wins, and how values are written.

use std::time::Duration;

use super::*;
use floodway_core::index::Overflow;

#[test]
fn later_layers_win_and_each_value_knows_its_origin() {
    let toml = "http.listen = \"1.1.1.1:1\"\nstream.queue_size = 1\nshard.count = 1";
    let env = [("STREAM_QUEUE_SIZE", "2"), ("FLOODWAY_SHARD_COUNT", "2")];
    let loaded = load_all(toml, &env, &[("shard.count", "3")]).expect("good");
    assert_eq!(loaded.config.http.listen, "1.1.1.1:1");
    assert_eq!(loaded.config.limits.queue_size.get(), 2);
    assert_eq!(loaded.config.shard.count, 3);
    assert_eq!(loaded.config.admin.listen, "127.0.0.1:9090");
    assert!(matches!(loaded.origin("http.listen"), Origin::File(_)));
    assert_eq!(*loaded.origin("stream.queue_size"), Origin::Env("STREAM_QUEUE_SIZE".into()));
    assert_eq!(*loaded.origin("shard.count"), Origin::Flag("--shard-count".to_owned()));
    assert_eq!(*loaded.origin("admin.listen"), Origin::Default);
}

#[test]
fn sections_and_dotted_keys_and_native_types_and_texts_are_all_the_same() {
    let toml = r#"
        [stream]
        queue_size = 7
        ws_ping_seconds = 0.5
        sse_keepalive_seconds = "2"
        [auth]
        roles = ["a", "b"]
        [http.tls]
        cert = "c.pem"
        key = "k.pem"
        [log]
    "#;
    let config = load_all(toml, &[], &[]).expect("good").config;
    assert_eq!(config.limits.queue_size.get(), 7);
    assert_eq!(config.shard.ws_ping, Duration::from_millis(500));
    assert_eq!(config.shard.sse_keepalive, Duration::from_secs(2));
    assert_eq!(config.auth.roles, ["a", "b"]);
    let tls = config.http.tls.expect("both files");
    assert_eq!((tls.cert.to_str(), tls.key.to_str()), (Some("c.pem"), Some("k.pem")));
}

#[test]
fn lists_in_the_environment_are_separated_by_commas() {
    let env = [("FLOODWAY_ROLES", " a, b,,"), ("FLOODWAY_ALLOWED_ORIGINS", "https://A.example:443,*")];
    let config = load_all("", &env, &[]).expect("good").config;
    assert_eq!(config.auth.roles, ["a", "b"]);
    assert_eq!(config.http.allowed_origins, ["https://a.example", "*"]);
}

#[test]
fn what_is_kept_for_clients_that_come_back_is_set() {
    let toml = "replay = { events = 7, seconds = 0.5, bytes = 5000000000, total_bytes = 6000000000 }";
    let env = [("FLOODWAY_SNAPSHOT_DEVICES", "9"), ("FLOODWAY_REPLAY_EVENTS", "8")];
    let kept = load_all(toml, &env, &[]).expect("good").config.history;
    assert_eq!((kept.events, kept.age, kept.devices.get()), (8, Duration::from_millis(500), 9));
    assert_eq!((kept.bytes, kept.total_bytes), (5_000_000_000, 6_000_000_000));
    let default = load_all("", &[], &[]).expect("good").config.history;
    assert_eq!((default.events, default.age, default.bytes), (10_000, Duration::from_secs(60), 64 << 20));
    assert!(default.total_bytes > 0);
}

#[test]
fn the_policies_that_streams_may_choose_are_a_list_and_shown_in_one_order() {
    let env = [("FLOODWAY_STREAM_OVERFLOW_ALLOWED", " catch_up, latest,")];
    let loaded = load_all("", &env, &[]).expect("good");
    assert_eq!(loaded.config.limits.overflow_allowed.to_string(), "latest, catch_up");
    assert!(loaded.show().contains("stream.overflow_allowed = [\"latest\", \"catch_up\"]"));
    let all = load_all("", &[], &[]).expect("good").config.limits;
    assert_eq!(all.overflow_allowed.iter().count(), 5);
}

#[test]
fn urls_of_databases_may_hold_commas_and_be_several() {
    let urls = |text| load_all("", &[("FLOODWAY_POSTGRES_URL", text)], &[]).expect("good").config.postgres.urls;
    assert_eq!(urls("postgres://a,b:1/x , postgresql://c/x"), ["postgres://a,b:1/x", "postgresql://c/x"]);
    assert_eq!(urls("host=a,b dbname=x"), ["host=a,b dbname=x"]);
    let toml = "postgres = { url = [\"postgres://a,b/x\", \"host=c\"], channel = \"Q\", table = \"iot.ev\" }";
    let config = load_all(toml, &[], &[]).expect("good").config.postgres;
    assert_eq!(config.urls, ["postgres://a,b/x", "host=c"]);
    assert_eq!((config.channel.as_str(), config.table.as_deref()), ("Q", Some("iot.ev")));
    assert!(load_all("", &[], &[]).expect("good").config.postgres.urls.is_empty());
    assert!(error("postgres.url = \"postgres://a/x?sslmode=allow\"", &[]).contains("sslmode must be one of"));
    assert!(error("postgres.table = \"a.b.c\"", &[]).contains("schema.table"));
    assert!(error("postgres.tls.cert = \"c.pem\"", &[]).contains("needs postgres.tls.key"));
}

#[test]
fn beside_another_source_there_is_mqtt_only_where_something_of_it_is_set() {
    let has = |env: &[(&str, &str)]| load_all("", env, &[]).expect("good").config.has_mqtt;
    let postgres = ("FLOODWAY_POSTGRES_URL", "postgres://db/iot");
    assert!(has(&[]));
    assert!(!has(&[postgres]));
    assert!(!has(&[postgres, ("MQTT_HOST", "")]));
    for set in [("MQTT_HOST", "broker"), ("MQTT_URL", "mqtt://b"), ("FLOODWAY_MQTT_QOS", "0")] {
        assert!(has(&[postgres, set]));
    }
}

#[test]
fn an_empty_environment_variable_is_not_set() {
    let env = [("FLOODWAY_OVERFLOW", ""), ("MQTT_HOST", ""), ("FLOODWAY_JWT_ISSUER", "")];
    let loaded = load_all("stream.overflow = \"latest\"", &env, &[]).expect("good");
    assert_eq!(loaded.config.limits.overflow, Overflow::Latest);
    assert_eq!(loaded.config.mqtt.urls, ["mqtt://localhost:1883"]);
    assert_eq!(loaded.config.auth.issuer, None);
}

#[test]
fn the_broker_is_built_from_host_and_port_where_no_url_is_given() {
    let urls = |env: &[(&str, &str)]| load_all("", env, &[]).expect("good").config.mqtt.urls;
    assert_eq!(urls(&[("MQTT_HOST", "iot-mqtt")]), ["mqtt://iot-mqtt:1883"]);
    assert_eq!(urls(&[("MQTT_PORT", "1884")]), ["mqtt://localhost:1884"]);
    assert_eq!(urls(&[("MQTT_HOST", "::1"), ("MQTT_PORT", "1")]), ["mqtt://[::1]:1"]);
    let given = [("MQTT_HOST", "a"), ("MQTT_URL", "tcp://b,mqtt://c:2/,mqtt://[::1]:3")];
    let loaded = load_all("", &given, &[]).expect("good");
    assert_eq!(loaded.config.mqtt.urls, ["mqtt://b:1883", "mqtt://c:2", "mqtt://[::1]:3"]);
    assert!(loaded.warnings[0].contains("MQTT_HOST: not used"), "{:?}", loaded.warnings);
    let carried = [("MQTT_URL", "ssl://b,wss://c/a,ws://d:8083")];
    let loaded = load_all("", &carried, &[]).expect("good");
    assert_eq!(loaded.config.mqtt.urls, ["mqtts://b:8883", "wss://c:443/a", "ws://d:8083/mqtt"]);
    assert!(loaded.warnings[0].contains("in the clear to ws://d:8083/mqtt"), "{:?}", loaded.warnings);
    let one = load_all("mqtt.url = \"mqtt://d:4\"", &[], &[]).expect("good");
    assert_eq!(one.config.mqtt.urls, ["mqtt://d:4"]);
}

#[test]
fn what_is_shown_is_toml_that_loads_to_the_same() {
    let toml = r#"
        mqtt.url = ["mqtt://a:1", "mqtt://b:2"]
        auth.issuer = "https://\"quoted\""
        stream.ws_ping_seconds = 0.25
        log.format = "json"
        http.tls = { cert = "c.pem", key = "k.pem" }
        admin.tls = { cert = "d.pem", key = "l.pem", client_ca = "a.pem" }
    "#;
    let loaded = load_all(toml, &[], &[]).expect("good");
    let shown = loaded.show().replace(MASK, SECRET);
    let again = load_exactly(&shown, &[], &[]).expect("good");
    assert_eq!(format!("{:?}", again), format!("{:?}", loaded));
    assert_eq!(again.origins.iter().filter(|origin| **origin == Origin::Default).count(), 0);
    assert!(loaded.show().lines().all(|line| line.contains(" # ")));
}

#[test]
fn names_are_unique_and_follow_one_rule_but_for_those_in_the_contract() {
    let own = [
        ("http.listen", "FLOODWAY_LISTEN"),
        ("http.tls.cert", "FLOODWAY_TLS_CERT"),
        ("http.tls.key", "FLOODWAY_TLS_KEY"),
        ("http.allowed_origins", "FLOODWAY_ALLOWED_ORIGINS"),
        ("http.live_page", "FLOODWAY_LIVE_PAGE"),
        ("admin.listen", "FLOODWAY_ADMIN_LISTEN"),
        ("admin.token", "FLOODWAY_ADMIN_TOKEN"),
        ("mqtt.url", "MQTT_URL"),
        ("mqtt.username", "MQTT_USERNAME"),
        ("mqtt.password", "MQTT_PASSWORD"),
        ("mqtt.subscribe", "FLOODWAY_MQTT_SUBSCRIBE"),
        ("auth.hs256_secret", "FLOODWAY_JWT_SECRET"),
        ("auth.public_key", "FLOODWAY_JWT_PUBLIC_KEY"),
        ("auth.jwks_url", "FLOODWAY_JWKS_URL"),
        ("auth.cookie", "FLOODWAY_JWT_COOKIE"),
        ("auth.issuer", "FLOODWAY_JWT_ISSUER"),
        ("auth.audience", "FLOODWAY_JWT_AUDIENCE"),
        ("auth.roles", "FLOODWAY_ROLES"),
        ("limits.connections_per_tenant", "MAX_STREAM_CONNECTIONS_PER_TENANT"),
        ("limits.connections", "FLOODWAY_MAX_CONNECTIONS"),
        ("stream.queue_size", "STREAM_QUEUE_SIZE"),
        ("stream.overflow", "FLOODWAY_OVERFLOW"),
        ("log.filter", "FLOODWAY_LOG"),
        ("log.format", "FLOODWAY_LOG_FORMAT"),
    ];
    assert!(own.iter().all(|(key, _)| table::find(key).is_some()));
    let own: HashMap<_, _> = own.into();
    let mut names = std::collections::HashSet::new();
    for setting in SETTINGS {
        let by_rule = format!("FLOODWAY_{}", setting.key.replace('.', "_").to_ascii_uppercase());
        assert_eq!(setting.env, own.get(setting.key).copied().unwrap_or(&by_rule));
        assert!(setting.filed || !setting.secret, "{}", setting.key);
        let plain = [setting.key.to_owned(), setting.env.to_owned(), flag(setting.key)];
        let by_file = setting.file_key().into_iter().chain(setting.file_env());
        for name in plain.into_iter().chain(by_file) {
            assert!(names.insert(name), "{} is there twice", setting.key);
        }
    }
}
