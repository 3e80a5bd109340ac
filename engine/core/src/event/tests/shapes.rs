//! Where metrics and timestamp stand in a payload, by setting.

use super::*;

fn config(metrics: &str, timestamp: &str) -> Config {
    Config {
        metrics_at: metrics.parse().unwrap(),
        timestamp_at: timestamp.parse().unwrap(),
        ..Config::default()
    }
}

/// What stands between the braces of `metrics`, and after `"timestamp":`.
fn found(config: &Config, payload: &str) -> Result<(String, String), Rejection> {
    let event = parsed_within(config, payload)?;
    let (_, rest) = text(event.json()).split_once(r#""metrics":{"#).unwrap();
    let (rest, _) = rest.rsplit_once(r#","topic":"#).unwrap();
    let (metrics, timestamp) = rest.rsplit_once(r#"},"timestamp":"#).unwrap();
    Ok((metrics.to_owned(), timestamp.to_owned()))
}

fn both(metrics: &str, timestamp: &str) -> Result<(String, String), Rejection> {
    Ok((metrics.to_owned(), timestamp.to_owned()))
}

#[test]
fn a_path_is_names_with_dots_between_them() {
    for path in [".", "metrics", "data.values", "a.b.c", "m 1", "é"] {
        assert_eq!(path.parse::<Path>().unwrap().to_string(), path);
    }
    for text in ["", "..", ".a", "a.", "a..b"] {
        assert_eq!(text.parse::<Path>(), Err(BadPath), "{text}");
    }
    let path = |text: &str| text.parse::<Path>().unwrap();
    assert!(path(".").holds(&path("a")) && path("a").holds(&path("a.b")) && path("a").holds(&path("a")));
    assert!(!path("a.b").holds(&path("a")) && !path("a").holds(&path("ab")));
}

#[test]
fn metrics_and_timestamp_are_found_at_their_paths() {
    let config = config("data.values", "meta.at");
    let payload =
        r#"{"data":{"values":{"t":72.10,"big":1e400}, "x":1}, "meta" : {"at": 5 , "x":2},"ts":3,"metrics":{"m":1}}"#;
    assert_eq!(found(&config, payload), both(r#""t":72.10,"big":1e400"#, "5"));
    assert_eq!(found(&config, r#"{"metrics":{"t":1},"ts":2}"#), both("", "null"));
    assert_eq!(found(&config, r#"{"data":{},"meta":7}"#), both("", "null"));
    assert_eq!(found(&config, r#"{"data":{"values":{"t":1}},"meta":[{"at":1}]}"#), both(r#""t":1"#, "null"));
}

#[test]
fn what_stands_in_the_way_of_the_metrics_is_a_refusal() {
    let config = config("data.values", "ts");
    for payload in [
        r#"{"data":null}"#,
        r#"{"data":[{"values":{"t":1}}]}"#,
        r#"{"data":"values"}"#,
        r#"{"data":{"values":[1]}}"#,
        r#"{"data":{"values":7}}"#,
    ] {
        assert_eq!(found(&config, payload), Err(Rejection::MetricsNotAnObject), "{payload}");
    }
    assert_eq!(found(&config, "[]"), Err(Rejection::NotAnObject));
}

#[test]
fn of_a_name_given_twice_the_last_one_counts_on_the_way_too() {
    let config = config("data.values", "data.ts");
    let payload =
        r#"{"data":{"values":{"old":1},"ts":1},"d\u0061ta":{"values":{"a":1},"v\u0061lues":{"b":2},"ts":2,"ts":3}}"#;
    assert_eq!(found(&config, payload), both(r#""b":2"#, "3"));
    assert_eq!(found(&config, r#"{"data":{"values":{"t":1}},"data":{}}"#), both("", "null"));
}

#[test]
fn of_a_flat_payload_all_members_are_metrics_but_the_timestamp_and_the_secret() {
    let config = config(".", "ts");
    let payload =
        r#"{"ts":1,"t":72.10,"provision_token":"hush","h" : {"x":1},"provisio\u006e_token":"hush","t":2,"ts":3}"#;
    assert_eq!(found(&config, payload), both(r#""t":2,"h":{"x":1}"#, "3"));
    assert_eq!(found(&config, "{}"), both("", "null"));
    assert_eq!(found(&config, r#"{"metrics":{"t":1}}"#), both(r#""metrics":{"t":1}"#, "null"));
    let event = parsed_within(&config, r#"{"a":1,"ts":2,"b":3}"#).unwrap();
    assert_eq!(projected(&event, &["b"]).unwrap(), r#""b":3"#);
}

#[test]
fn a_timestamp_among_the_metrics_is_none_of_them() {
    let payload = r#"{"data":{"a":1,"ts":5,"b":2},"meta":{"at":6},"c":3}"#;
    assert_eq!(found(&config("data", "data.ts"), payload), both(r#""a":1,"b":2"#, "5"));
    let flat = found(&config(".", "meta.at"), payload);
    assert_eq!(flat, both(r#""data":{"a":1,"ts":5,"b":2},"c":3"#, "6"), "nor is what it stands in");
}

#[test]
fn a_timestamp_that_would_hold_the_metrics_is_not_passed_on() {
    for (metrics, timestamp) in [("data.values", "data"), ("data.values", "."), ("data", "data")] {
        let seen = found(&config(metrics, timestamp), r#"{"data":{"values":{},"secret":1}}"#);
        assert_eq!(seen.unwrap().1, "null", "{metrics} {timestamp}");
    }
}

#[test]
fn only_what_lacks_its_metrics_is_told_so() {
    let tenant = TenantId::parse("T").unwrap();
    for (metrics, payload, lacks) in [
        (".", "{}", false),
        (".", r#"{"t":1}"#, false),
        ("data.values", r#"{"data":{}}"#, true),
        ("data.values", r#"{"values":{}}"#, true),
        ("data.values", r#"{"data":{"values":{}}}"#, false),
    ] {
        let mut parser = Parser::new(&config(metrics, "ts"));
        parser.parse(EventId::new(1), &tenant, "A", "t", payload.as_bytes()).unwrap();
        assert_eq!(parser.lacked_metrics(), lacks, "{metrics} {payload}");
    }
}

#[test]
fn hostile_payloads_on_a_long_path_are_refused_in_time() {
    let config = Config { payload_bytes: 1 << 20, ..config("a.a.a.a.a.a", "b.b.b") };
    let wide = format!(r#"{{"a":{{"a":{{"a":{{{}"x":0}}}}}}}}"#, r#""a":{},"#.repeat(100_000));
    assert_eq!(found(&config, &wide), both("", "null"));
    let deep = r#"{"a":"#.repeat(100_000);
    assert_eq!(found(&config, &deep), Err(Rejection::TooDeep));
    let long = format!(r#"{{"b":{{"b":{{"b":{}}}}}}}"#, "7".repeat(100_000));
    assert_eq!(found(&config, &long).unwrap().1.len(), 100_000);
}
