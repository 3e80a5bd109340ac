//! Payloads that are an array of samples, and values that stand alone.

use super::*;

/// The events of a payload, in order, the metric of its topic being `metric`.
fn events(config: &Config, metric: Option<&str>, payload: &str) -> Result<Vec<Result<Event, Rejection>>, Rejection> {
    let tenant = TenantId::parse("T").unwrap();
    let topic = format!("d/D/{}", metric.unwrap_or("x"));
    let origin = Origin { tenant: &tenant, device: "D", topic: &topic, metric };
    let mut parser = Parser::new(config);
    let samples = parser.read(payload.as_bytes())?;
    Ok((1..)
        .zip(samples)
        .map(|(id, sample)| parser.event(sample, EventId::new(id), &origin))
        .collect())
}

/// Metrics and timestamp of each event.
fn seen(metric: Option<&str>, payload: &str) -> Result<Vec<Result<String, Rejection>>, Rejection> {
    let metrics = |event: Event| {
        let (_, rest) = text(event.json()).split_once(r#""metrics":"#).unwrap();
        rest.rsplit_once(r#","topic":"#).unwrap().0.replace(r#","timestamp":"#, " ")
    };
    Ok(events(&Config::default(), metric, payload)?
        .into_iter()
        .map(|event| event.map(metrics))
        .collect())
}

#[test]
fn an_array_is_as_many_events_as_it_has_samples_in_order() {
    let payload = r#" [ {"ts":1,"metrics":{"t":1}} , {"metrics":{"t":72.10, "h":1e400}},{} ] "#;
    let expected = [r#"{"t":1} 1"#, r#"{"t":72.10,"h":1e400} null"#, "{} null"];
    assert_eq!(seen(None, payload).unwrap(), expected.map(|text| Ok(text.to_owned())));
    let ids = events(&Config::default(), None, payload)
        .unwrap()
        .into_iter()
        .map(|event| event.unwrap().id());
    assert!(ids.eq((1..4).map(EventId::new)));
}

#[test]
fn each_sample_is_judged_by_itself() {
    let payload = r#"[1,{"metrics":{"t":1}},{"metrics":[]},[{"metrics":{}}],null,"x",{"metrics":{"t":2}}]"#;
    let good = |n: u32| Ok(format!(r#"{{"t":{n}}} null"#));
    let (no_object, no_metrics) = (Err(Rejection::NotAnObject), Err(Rejection::MetricsNotAnObject));
    let expected = [no_object.clone(), good(1), no_metrics, no_object.clone(), no_object.clone(), no_object, good(2)];
    assert_eq!(seen(None, payload).unwrap(), expected);
}

#[test]
fn an_array_is_refused_as_a_whole_where_it_has_no_sample_or_too_many_or_is_no_json() {
    let config = Config { samples: 2, depth: 3, ..Config::default() };
    let refused = |payload: &str| events(&config, None, payload).err();
    assert_eq!(refused("[]"), Some(Rejection::NotAnObject));
    assert_eq!(refused("[{},{}]"), None);
    assert_eq!(refused("[{},{},{}]"), Some(Rejection::TooManySamples));
    assert_eq!(refused("[{},{}"), Some(Rejection::NotJson));
    assert_eq!(refused("[{},]"), Some(Rejection::NotJson));
    assert_eq!(refused(r#"[{"metrics":{"t":[]}}]"#), Some(Rejection::TooDeep));
    assert_eq!(refused(&format!("[{}0]", "0,".repeat(60_000))), Some(Rejection::TooManySamples));
    assert_eq!(refused(&"[".repeat(100_000)), Some(Rejection::TooDeep));
}

#[test]
fn a_value_that_stands_alone_is_the_metric_of_the_topic() {
    for value in [
        "72.10",
        "-1e400",
        "123456789012345678901234567890",
        r#""on\n{""#,
        "true",
        "false",
        " 7 \n",
        r#""{}""#,
    ] {
        let expected = format!(r#"{{"temperature":{}}} null"#, value.trim());
        assert_eq!(seen(Some("temperature"), value).unwrap(), [Ok(expected)], "{value:?}");
        assert_eq!(seen(None, value).unwrap(), [Err(Rejection::NotAnObject)], "{value:?}");
    }
    assert_eq!(seen(Some("t"), "null").unwrap(), [Err(Rejection::NotAnObject)]);
    let many = seen(Some("t"), r#"[1, "a",null,[2],{"metrics":{"u":3}}]"#).unwrap();
    let no_object = Err(Rejection::NotAnObject);
    let expected = [Ok(r#"{"t":1} null"#.to_owned()), Ok(r#"{"t":"a"} null"#.to_owned()), no_object.clone(), no_object];
    assert_eq!(many[..4], expected);
    assert_eq!(many[4], Ok(r#"{"u":3} null"#.to_owned()), "an object is read as ever");
}

#[test]
fn a_value_may_stand_alone_where_the_metrics_belong() {
    let sample = r#"{"metrics":21.50,"ts":"now","x":1}"#;
    assert_eq!(seen(Some("t"), sample).unwrap(), [Ok(r#"{"t":21.50} "now""#.to_owned())]);
    for other in [r#"{"metrics":null}"#, r#"{"metrics":[1]}"#] {
        assert_eq!(seen(Some("t"), other).unwrap(), [Err(Rejection::MetricsNotAnObject)], "{other}");
    }
    assert_eq!(seen(None, sample).unwrap(), [Err(Rejection::MetricsNotAnObject)]);
}

#[test]
fn the_metric_of_a_topic_is_found_by_its_name() {
    for name in ["t", r#"a"b\c"#, "é"] {
        let mut events = events(&Config::default(), Some(name), "7").unwrap();
        let event = events.remove(0).unwrap();
        let json: serde_json::Value = serde_json::from_slice(event.json()).unwrap();
        assert_eq!(json["metrics"][name], 7, "{json}");
        assert_eq!(event.metric_names(None), [name]);
        assert!(event.matches(Some(&set(&[name]))) && !event.matches(Some(&set(&["other"]))));
    }
}

#[test]
fn a_tenant_that_is_no_part_of_the_topic_is_escaped_all_the_same() {
    let tenant = TenantId::parse(r#"T"\"#).unwrap();
    let mut parser = Parser::new(&Config::default());
    let event = parser.parse(EventId::new(1), &tenant, "D", "site/D", b"{}").unwrap();
    let json: serde_json::Value = serde_json::from_slice(event.json()).unwrap();
    assert_eq!(json["tenant_id"], r#"T"\"#);
}

#[test]
fn one_object_is_asked_for_where_an_array_comes() {
    assert_eq!(rejection(r#"[{"metrics":{}}]"#), Rejection::NotAnObject);
    assert_eq!(rejection("[]"), Rejection::NotAnObject);
}
