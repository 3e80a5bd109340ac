//! What is refused, and how the error says so.

use super::*;

#[test]
fn an_error_names_the_setting_its_value_its_place_and_the_hint() {
    assert_eq!(
        error("", &[("FLOODWAY_OVERFLOW", "drop")]),
        "stream.overflow = \"drop\" (env FLOODWAY_OVERFLOW): \
         expected one of drop_newest, drop_oldest, latest, disconnect, catch_up"
    );
    assert_eq!(
        error("[shard]\ncount = 65", &[]),
        "shard.count = 65 (file FILE): expected a whole number from 1 to 64"
    );
    let flag = load_all("", &[], &[("mqtt.qos", "2")]).expect_err("refused");
    assert_eq!(flag, "mqtt.qos = \"2\" (flag --mqtt-qos): expected a whole number from 0 to 1");
}

#[test]
fn every_value_has_its_bounds() {
    let cases = [
        ("http.listen = \":8080\"", "0.0.0.0:8080"),
        ("http.listen = \"::1:8080\"", "[::]:8080"),
        ("http.listen = 8080", "quotation marks"),
        ("http.listen = \"\"", "must not be empty"),
        ("http.header_bytes = 8191", "8192"),
        ("http.allowed_origins = [\"https://a.example/\"]", "without a path"),
        ("http.allowed_origins = \"null\"", "expected an origin"),
        ("http.allowed_origins = [1]", "expected a list"),
        ("http.tls.cert = \"c.pem\"", "needs http.tls.key"),
        ("http.tls.key = \"k.pem\"", "needs http.tls.cert"),
        ("mqtt.url = []", "at least one"),
        ("mqtt.url = \"broker:1883\"", "expected mqtt://host:port"),
        ("mqtt.url = \"mqtt://:1883\"", "expected mqtt://host:port"),
        ("mqtt.url = \"mqtt://a:0\"", "expected mqtt://host:port"),
        ("mqtt.url = \"mqtt://a:1883/topic\"", "expected mqtt://host:port"),
        ("mqtt.url = \"http://a:80\"", "must begin with mqtt://, mqtts://, ws:// or wss://"),
        ("mqtt.url = \"wss://a/b?token=c\"", "without a query"),
        ("mqtt.url = \"mqtts://u:p@a\"", "set mqtt.username and mqtt.password"),
        ("mqtt.tls.ca = \"c.pem\"", "no mqtt.url begins with mqtts:// or wss://"),
        ("mqtt.tls.alpn = \"mqtt\"", "no mqtt.url begins with mqtts:// or wss://"),
        ("mqtt.tls.cert = \"c.pem\"\nmqtt.url = \"mqtts://a\"", "needs mqtt.tls.key"),
        ("mqtt.tls.key = \"k.pem\"\nmqtt.url = \"mqtts://a\"", "needs mqtt.tls.cert"),
        ("mqtt.tls.alpn = \"a\\u0000\"", "1 to 255 bytes"),
        ("mqtt.keep_alive_seconds = 0.5", "from 1 to 65535"),
        ("nats.url = \"mqtt://a:1\"", "expected nats://host:port"),
        ("nats.url = \"nats://user@a:1\"", "nats.username"),
        ("nats.stream = \"a.b\"", "expected the name of a stream"),
        ("nats.capture = \"all\"", "expected one of subjects, mqtt"),
        ("nats.password = \"p\"", "needs nats.username beside it (FLOODWAY_NATS_USERNAME)"),
        ("nats.token = \"t\"\nnats.username = \"u\"", "keep one of them"),
        ("mqtt.connections = 17", "from 1 to 16"),
        ("mqtt.connections = 2\nmqtt.subscribe = \"all\"", "needs mqtt.subscribe = \"on_demand\""),
        ("mqtt.linger_seconds = -1", "number of seconds"),
        ("mqtt.linger_seconds = nan", "number of seconds"),
        ("mqtt.linger_seconds = inf", "number of seconds"),
        ("mqtt.session = \"kept\"", "expected one of clean, persistent"),
        ("mqtt.session = \"persistent\"", "needs mqtt.client_id beside it (FLOODWAY_MQTT_CLIENT_ID)"),
        ("mqtt.session_expiry_seconds = 0", "from 1"),
        ("mqtt.topics = []", "at least one"),
        ("mqtt.topics = [\"tenant/{tenant}/telemetry\"]", "\"tenant/{tenant}/telemetry\" needs {device}"),
        ("mqtt.topics = \"a/{tenant}/{device}/#\"", "has #"),
        ("mqtt.topics = \"a/{tenant}/d-{device}\"", "a placeholder is a whole level"),
        ("mqtt.topics = \"site/{device}\"", "set mqtt.tenant (FLOODWAY_MQTT_TENANT)"),
        ("mqtt.topics = \"{tenant}/{device}/a,{device}/{tenant}/a\"", "fit the same topics"),
        ("mqtt.tenant = \"a/b\"", "expected a tenant id"),
        ("payload.metrics = \"data..values\"", "expected names with dots"),
        ("payload.metrics = \"\"", "expected names with dots"),
        ("payload.timestamp = \".\"", "must not hold what stands at payload.metrics (\"metrics\")"),
        ("payload.timestamp = \"metrics\"", "must not hold what stands at payload.metrics"),
        ("event.samples = 0", "from 1"),
        ("event.payload_bytes = 300000", "must not exceed mqtt.packet_bytes (262144)"),
        ("event.depth = 1", "from 2"),
        ("auth.leeway_seconds = 5.1", "from 0 to 5"),
        ("auth.jwks_refresh_seconds = 9", "from 10 to 86400"),
        ("auth.cookie = \"a b\"", "name of a cookie"),
        ("auth.query_token = \"yes\"", "expected true or false"),
        ("auth.query_token = 0", "expected true or false"),
        ("auth.roles = []", "at least one"),
        ("mqtt.client_id = \"a\\u0000b\"", "without NUL"),
        ("stream.overflow_allowed = []", "expected a list of some of drop_newest, drop_oldest, latest"),
        ("stream.overflow_allowed = \"latest,newest\"", "expected a list of some of drop_newest"),
        ("stream.overflow_allowed = [1]", "expected a list of some of drop_newest"),
        ("replay.events = -1", "from 0"),
        ("replay.seconds = \"a minute\"", "number of seconds"),
        ("replay.bytes = \"64 MiB\"", "whole number from 0 to 1099511627776"),
        ("replay.total_bytes = 1.5", "whole number"),
        ("snapshot.devices = 0", "from 1"),
        ("stream.queue_size = 0", "from 1"),
        ("stream.queue_size = 1.5", "whole number"),
        ("stream.queue_size = true", "whole number"),
        ("stream.queue_size = -1", "whole number"),
        ("stream.ws_ping_seconds = 0", "from 0.1"),
        ("log.filter = \"floodway=loud\"", "expected a level"),
        ("log.format = \"xml\"", "expected one of auto, text, json"),
        ("admin.listen = \"0.0.0.0:9090\"", "set admin.token"),
        ("admin.read_token = \"r\"", "needs admin.token"),
        ("admin.tls.cert = \"c.pem\"", "needs admin.tls.key"),
        ("admin.tls.key = \"k.pem\"", "needs admin.tls.cert"),
        ("admin.tls.client_ca = \"a.pem\"", "needs admin.tls.cert"),
    ];
    for (toml, hint) in cases {
        let text = error(toml, &[]);
        let key = toml.split(' ').next().expect("a key");
        assert!(text.contains(hint) && text.starts_with(key), "{toml}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_share_of_the_replay_that_is_never_reached_is_a_warning() {
    let warnings = |toml: &str| load_all(toml, &[], &[]).expect("good").warnings;
    let text = warnings("replay = { bytes = 2000, total_bytes = 1000 }").join("\n");
    assert!(text.starts_with("replay.bytes = 2000 is more than replay.total_bytes = 1000"), "{text}");
    // The default is no more than meant: a small machine has less than that for all.
    assert!(warnings("replay.total_bytes = 1000").is_empty());
    assert!(warnings("replay = { bytes = 1000, total_bytes = 1000 }").is_empty());
}

#[test]
fn a_persistent_session_needs_an_id_that_stays_and_implies_qos_1() {
    let toml = "[mqtt]\nsession = \"persistent\"\nclient_id = \"G\"";
    assert_eq!(load_all(toml, &[], &[]).expect("good").config.mqtt.qos, 1);
    let refused = error(&format!("{toml}\nqos = 0"), &[]);
    assert!(refused.starts_with("mqtt.qos = 0 (file FILE)") && refused.contains("mqtt.session"), "{refused}");
    let named = [("FLOODWAY_MQTT_CLIENT_ID", "floodway")];
    assert!(
        load_all("mqtt.session = \"persistent\"", &named, &[]).is_ok(),
        "the default's name, given on purpose"
    );
}

#[test]
fn the_private_listener_needs_a_token_or_mtls_where_others_reach_it() {
    for open in ["0.0.0.0:9090", "[::]:9090", "10.0.0.1:9090", "gateway:9090"] {
        assert!(error("", &[("FLOODWAY_ADMIN_LISTEN", open)]).contains("set admin.token"), "{open}");
        let both = [("FLOODWAY_ADMIN_LISTEN", open), ("FLOODWAY_ADMIN_TOKEN", "t")];
        let warnings = load_all("", &both, &[]).expect(open).warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("in the clear"), "{warnings:?}");
        let tls = "admin.tls = { cert = \"c\", key = \"k\" }";
        let alone = error(tls, &[("FLOODWAY_ADMIN_LISTEN", open)]);
        assert!(alone.contains("admin.tls.client_ca"), "{open}: {alone}");
        assert!(load_all(tls, &both, &[]).is_ok_and(|loaded| loaded.warnings.is_empty()), "{open}");
        let mutual = [("FLOODWAY_ADMIN_LISTEN", open), ("FLOODWAY_ADMIN_TLS_CLIENT_CA", "a")];
        assert!(load_all(tls, &mutual, &[]).is_ok(), "{open}");
        let reading_only = [("FLOODWAY_ADMIN_LISTEN", open), ("FLOODWAY_ADMIN_READ_TOKEN", "r")];
        assert!(error("", &reading_only).contains("set admin.token"), "{open}");
    }
    for closed in ["127.0.0.2:9090", "[::1]:9090", "localhost:9090", "[::ffff:127.0.0.1]:1"] {
        assert!(load_all("", &[("FLOODWAY_ADMIN_LISTEN", closed)], &[]).is_ok(), "{closed}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    assert_eq!(
        error("[stream]\nqueue_sise = 5", &[]),
        "stream.queue_sise (file FILE): unknown setting; the nearest known one is stream.queue_size"
    );
    assert!(error("[mqqt]\nurl = \"mqtt://a:1\"", &[]).ends_with("is mqtt.url"));
    assert!(error("http = 1", &[]).contains("write [http]"));
    assert!(error("[nothing]", &[]).contains("unknown setting"));
    assert!(error("http.listen.port = 1", &[]).ends_with("is http.listen"));
    // What it begins is meant, though another one is fewer letters away.
    assert!(error("mqtt.user = \"u\"", &[]).ends_with("is mqtt.username"));
    assert!(error("mqtt.pass = \"p\"", &[]).ends_with("is mqtt.password"));
    assert!(error("mqtt.password_fil = \"p\"", &[]).ends_with("is mqtt.password_file"));
    assert!(error("http.tls.cert_file = \"c\"", &[]).contains("unknown setting"));
}

#[test]
fn a_variable_that_is_none_is_warned_of_by_name_and_never_by_value() {
    let given = [
        "FLOODWAY_JWT_SECRT",
        "FLOODWAY_JWT_SECRET_FLE",
        "FLOODWAY_PORT",
        "FLOODWAY_JWT_SECRET",
        "FLOODWAY_ADMIN_TOKEN_FILE",
        "FLOODWAY_ADMIN_CA",
        "FLOODWAY_LISTEN_FILE",
        "MQTT_USER",
        "PATH",
    ];
    let flags = ["FLOODWAY_ADMIN_CA".to_owned()];
    let text = unknown_variables(given.into_iter().map(str::to_owned), flags);
    let text = text.join("\n");
    assert_eq!(text.lines().count(), 4, "{text}");
    for (name, nearest) in [
        ("FLOODWAY_JWT_SECRT", "FLOODWAY_JWT_SECRET"),
        ("FLOODWAY_JWT_SECRET_FLE", "FLOODWAY_JWT_SECRET_FILE"),
        ("FLOODWAY_LISTEN_FILE", ""),
        ("FLOODWAY_PORT", ""),
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(line.ends_with(nearest), "{line}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let toml = "mqtt.qos = 3\nshard.count = 0\nnonsense = 1\nadmin.listen = \"0.0.0.0:1\"";
    let text = error(toml, &[("FLOODWAY_OVERFLOW", "x"), ("MQTT_PORT", "0")]);
    let parts = ["mqtt.qos", "shard.count", "nonsense", "stream.overflow", "MQTT_PORT", "admin.listen"];
    assert_eq!(text.lines().count(), parts.len(), "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn a_value_below_another_layer_is_wrong_all_the_same() {
    assert!(error("mqtt.qos = 3", &[("FLOODWAY_MQTT_QOS", "1")]).contains("file FILE"));
}

#[test]
fn a_file_that_is_not_toml_names_the_line_but_not_what_stands_there() {
    let text = error("\nauth.hs256_secret = \"top secret", &[]);
    assert!(text.starts_with("configuration file FILE: line 2: "), "{text}");
    assert!(!text.contains("top secret"), "{text}");
    let missing = load(Some(Path::new("no/such.toml")), &|_| None, &[], Key::Needed).expect_err("refused");
    assert!(missing.to_string().contains("no/such.toml: No such file"), "{missing}");
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    assert!(error("", &[("MQTT_USERNAME", "a\u{fffd}")]).contains("expected UTF-8"));
}
