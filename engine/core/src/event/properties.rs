//! Properties of parsing, checked on generated payloads.
//!
//! * An event holds exactly what a plain model, with serde_json and a list, takes from the payload.
//! * So it does wherever metrics and timestamp are said to stand, and of each sample of an array as of that alone.
//! * simd-json finds the same tokens as the search byte by byte, so both make the same event.
//! * What simd-json accepts, serde_json accepts.
//! * A projection is the model's event without the other metrics.
//! * No bytes make it panic.

use std::fmt;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::tokens::Tokenizer;
use super::*;

/// An object's members in the order of their first places: unescaped name, raw key, raw last value.
#[derive(Default)]
struct Model(Vec<(String, String, String)>);

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Model;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Model, A::Error> {
                let mut members: Vec<(String, String, String)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                    let name = serde_json::from_str(key.get()).map_err(serde::de::Error::custom)?;
                    let value = value.get().replace(['\r', '\n'], " ");
                    match members.iter_mut().find(|(known, ..)| *known == name) {
                        Some((.., last)) => *last = value,
                        None => members.push((name, key.get().to_owned(), value)),
                    }
                }
                Ok(Model(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Model {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, ..)| known == name).map(|(.., value)| &**value)
    }

    fn json(&self, keep: impl Fn(&str) -> bool) -> String {
        let kept = self.0.iter().filter(|(name, ..)| keep(name));
        kept.map(|(_, key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
    }
}

/// What the model finds at a path of `json`; an error if something on the way is no object.
fn at(json: &str, path: &str) -> Result<Option<String>, serde_json::Error> {
    let mut found = json.to_owned();
    for name in path.split('.').filter(|name| !name.is_empty()) {
        match serde_json::from_str::<Model>(&found)?.value(name) {
            Some(value) => found = value.to_owned(),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Metrics and timestamp as the model takes them from `payload`, without the members that are `left_out`.
fn taken(payload: &str, metrics: &str, timestamp: &str, left_out: &[&str]) -> Result<String, Rejection> {
    let no_object = |_| Rejection::MetricsNotAnObject;
    let found = at(payload, metrics).map_err(no_object)?.unwrap_or_else(|| "{}".to_owned());
    let metrics: Model = serde_json::from_str(&found).map_err(no_object)?;
    let timestamp = at(payload, timestamp).ok().flatten().unwrap_or_else(|| "null".to_owned());
    Ok(event_json(&metrics.json(|name| !left_out.contains(&name)), &timestamp))
}

fn event_json(metrics: &str, ts: &str) -> String {
    format!(
        r#"{{"type":"telemetry","device_id":"D","tenant_id":"T","metrics":{{{metrics}}},"timestamp":{ts},"topic":"t"}}"#
    )
}

fn parse(payload: &[u8]) -> Result<Event, Rejection> {
    let tenant = TenantId::parse("T").unwrap();
    Parser::new(&Config::default()).parse(EventId::new(1), &tenant, "D", "t", payload)
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,3}",
        1 => "[^\"\\\\\\x00-\\x1f]{1,4}",
        1 => select(&[r#"\""#, r"\\", r"\/", r"\n", r"\u0061", r"\u00e9", r"\ud83c\udf21", "{", "}", "[", ",", ":"][..])
            .prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&["true", "false", "null", "-0", "72.10", "1e400", "-1E-400", "18446744073709551616"][..])
            .prop_map(str::to_owned),
        any::<f64>()
            .prop_filter("JSON has no others", |n| n.is_finite())
            .prop_map(|n| format!("{n:?}")),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?[1-9][0-9]{0,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        string(),
    ]
}

fn object_of(
    key: impl Strategy<Value = String>,
    value: impl Strategy<Value = String>,
    most: usize,
) -> impl Strategy<Value = String> {
    let member = (space(), key, space(), space(), value, space())
        .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
    (space(), vec(member, 0..most)).prop_map(|(inner, members)| format!("{{{inner}{}}}", members.join(",")))
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 32, 5, |inner| {
        let items = vec((space(), inner.clone(), space()).prop_map(|(a, item, b)| format!("{a}{item}{b}")), 0..5);
        let array = (space(), items).prop_map(|(inner, items)| format!("[{inner}{}]", items.join(",")));
        prop_oneof![array, object_of(string(), inner, 5)]
    })
}

/// Few names, so that many are given twice; some of them with escapes.
fn metric_key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-d]".prop_map(|name| format!("\"{name}\"")),
        1 => "[a-d]".prop_map(|name| format!("\"\\u{:04x}\"", name.as_bytes()[0])),
        1 => "[a-z]{2}".prop_map(|name| format!("\"{name}\"")),
        1 => string(),
    ]
}

fn payload() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        3 => Just("\"metrics\"".to_owned()),
        1 => Just(r#""m\u0065trics""#.to_owned()),
        2 => Just("\"ts\"".to_owned()),
        1 => Just(r#""\u0074s""#.to_owned()),
        3 => string(),
    ];
    let value = prop_oneof![3 => object_of(metric_key(), value(), 30), 1 => value()];
    (space(), object_of(key, value, 6), space()).prop_map(|(a, object, b)| format!("{a}{object}{b}"))
}

/// Objects in which the names of some paths are frequent.
fn nested() -> impl Strategy<Value = String> {
    let key = || {
        prop_oneof![
            4 => select(&["data", "values", "ts", "provision_token"][..]).prop_map(|name| format!("\"{name}\"")),
            1 => Just(r#""d\u0061ta""#.to_owned()),
            1 => metric_key(),
        ]
    };
    let value = scalar().prop_recursive(3, 30, 6, move |inner| object_of(key(), inner, 6));
    object_of(key(), value, 6)
}

/// Where metrics and timestamp stand, and the members that are no metrics then.
const PLACES: &[(&str, &str, &[&str])] = &[
    ("data", "ts", &[]),
    ("data.values", "ts", &[]),
    ("data", "data.ts", &["ts"]),
    ("data.values", "data.ts", &[]),
    (".", "ts", &["ts", "provision_token"]),
    (".", "data.ts", &["data", "provision_token"]),
];

/// Text that is often nearly JSON.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => select(&[
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\"metrics\":", "\"ts\":", "\"a\":", "1", "1e999", "-", ".",
            "true", "nul", " ", "\r\n", "\\u00", "\\ud800", "é", "\u{0}", "\u{c}", "\u{a0}", "{}", "[]",
        ][..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => scalar().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..3),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A valid payload with one byte changed, taken out or doubled.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (payload(), any::<prop::sample::Index>(), any::<u8>(), 0..3).prop_map(|(payload, at, byte, how)| {
        let mut bytes = payload.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, bytes[at]),
        }
        bytes
    })
}

/// The two ways agree: on the tokens, and that what simd-json accepts is JSON.
fn check_tokens(payload: &[u8]) {
    let depth = Config::default().depth;
    let mut fast = Tokenizer::new(depth);
    let mut slow = Tokenizer::new(depth);
    if let Ok(tokens) = fast.tokens_fast(payload) {
        assert_eq!(Ok(tokens), slow.tokens_slow(payload), "{:?}", String::from_utf8_lossy(payload));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_what_the_model_takes_from_the_payload(payload in payload(), wanted in vec("[a-e]", 0..4)) {
        let top: Model = serde_json::from_str(&payload).unwrap();
        let metrics = top.value("metrics").unwrap_or("{}");
        let ts = top.value("ts").unwrap_or("null");
        let Ok(metrics) = serde_json::from_str::<Model>(metrics) else {
            prop_assert_eq!(parse(payload.as_bytes()).err(), Some(Rejection::MetricsNotAnObject));
            return Ok(());
        };
        let event = parse(payload.as_bytes()).unwrap();
        let json = std::str::from_utf8(event.json()).unwrap();
        prop_assert_eq!(json, event_json(&metrics.json(|_| true), ts));
        serde_json::from_str::<&RawValue>(json).unwrap();

        let projection = metrics.json(|name| wanted.iter().any(|wanted| wanted == name));
        let metrics = Arc::new(MetricSet::new(wanted.clone()));
        let expected = (!projection.is_empty()).then(|| format!("id: 1\ndata: {}\n\n", event_json(&projection, ts)));
        prop_assert_eq!(event.frame(Some(&metrics), Encoding::Sse), expected.as_deref().map(str::as_bytes));
    }

    #[test]
    fn metrics_and_timestamp_are_what_the_model_finds_at_their_paths(
        payload in nested(),
        (metrics, timestamp, left_out) in select(PLACES),
    ) {
        let (metrics_at, timestamp_at) = (metrics.parse().unwrap(), timestamp.parse().unwrap());
        let mut parser = Parser::new(&Config { metrics_at, timestamp_at, ..Config::default() });
        let tenant = TenantId::parse("T").unwrap();
        let event = parser.parse(EventId::new(1), &tenant, "D", "t", payload.as_bytes());
        let json = event.map(|event| String::from_utf8(event.json().to_vec()).unwrap());
        prop_assert_eq!(json, taken(&payload, metrics, timestamp, left_out));
    }

    #[test]
    fn a_sample_of_an_array_is_what_it_is_alone(samples in vec(prop_oneof![payload(), value()], 1..6), inner in space()) {
        let array = format!("[{inner}{}{inner}]", samples.join(&format!("{inner},")));
        let tenant = TenantId::parse("T").unwrap();
        let origin = Origin { tenant: &tenant, device: "D", topic: "t", metric: None };
        let mut parser = Parser::new(&Config::default());
        let read = parser.read(array.as_bytes()).unwrap();
        prop_assert_eq!(read.len(), samples.len());
        for (sample, alone) in read.zip(&samples) {
            let event = parser.event(sample, EventId::new(1), &origin).map(|event| event.json().to_vec());
            prop_assert_eq!(event, parse(alone.as_bytes()).map(|event| event.json().to_vec()));
        }
    }

    #[test]
    fn both_ways_find_the_same_tokens(payload in payload()) {
        check_tokens(payload.as_bytes());
    }

    #[test]
    fn both_ways_agree_on_any_value(value in value()) {
        check_tokens(value.as_bytes());
    }

    #[test]
    fn bytes_of_whatever_kind_do_not_panic(payload in prop_oneof![soup(), damaged(), vec(any::<u8>(), 0..200)]) {
        check_tokens(&payload);
        if let Ok(event) = parse(&payload) {
            serde_json::from_slice::<&RawValue>(event.json()).unwrap();
            serde_json::from_slice::<&RawValue>(&payload).unwrap();
        }
    }

    #[test]
    fn a_parser_keeps_nothing_of_the_last_payload(payloads in vec(prop_oneof![payload().prop_map(String::into_bytes), soup()], 1..6)) {
        let tenant = TenantId::parse("T").unwrap();
        let mut parser = Parser::new(&Config::default());
        for payload in payloads {
            let again = parser.parse(EventId::new(1), &tenant, "D", "t", &payload).map(|event| event.json().to_vec());
            prop_assert_eq!(again, parse(&payload).map(|event| event.json().to_vec()));
        }
    }
}
