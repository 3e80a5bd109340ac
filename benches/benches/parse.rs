//! What does one message of a device cost, before anyone is sent anything?
//!
//! Inside the timer: from the payload's bytes to the event with its JSON text and first frame, and dropping it again.
//! Outside: the topic, which the caller has checked, and the id. The parser is used again for each, as ingest does.
//!
//! `typical` is a message of about 120 bytes. `wide` has 64 metrics, `widest` as many as are allowed by default.
//! `nested` has objects and lists for values. `big number` is `typical` with an integer that fits no 64 bits, so that
//! the second way of reading is taken. `not JSON` is `typical` without its last brace: what a broken device costs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use floodway_core::event::{Config, Parser};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

const TYPICAL: &str = r#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{"temperature":72.10,"humidity":45,"pressure":1013.25}}"#;

fn with_metrics(count: usize) -> String {
    let metrics: Vec<String> = (0..count).map(|n| format!(r#""metric_{n}":{n}.25"#)).collect();
    format!(r#"{{"ts":"2026-02-16T12:00:00Z","metrics":{{{}}}}}"#, metrics.join(","))
}

fn payloads() -> Vec<(&'static str, String)> {
    let nested = r#"{"ts":1771243200,"metrics":{"position":{"lat":52.52,"lon":13.405,"fix":[1,2,3,4]},"cells":[[3.31,3.32],[3.30,3.29]],"state":{"mode":"run","flags":{"door":false,"fan":true}}}}"#;
    vec![
        ("typical", TYPICAL.to_owned()),
        ("wide", with_metrics(64)),
        ("widest", with_metrics(Config::default().metrics)),
        ("nested", nested.to_owned()),
        ("big number", TYPICAL.replace("45", "123456789012345678901234567890")),
        ("not JSON", TYPICAL[..TYPICAL.len() - 1].to_owned()),
    ]
}

fn parse(c: &mut Criterion) {
    let tenant = TenantId::parse("TENANT1").expect("a valid name");
    let mut parser = Parser::new(&Config::default());
    let mut group = c.benchmark_group("parse");
    for (name, payload) in payloads() {
        let mut run = |payload: &[u8]| {
            let topic = "tenant/TENANT1/device/DEV-001/telemetry";
            parser.parse(EventId::new(1_846_290_011_021_312), &tenant, "DEV-001", topic, payload)
        };
        let result = run(payload.as_bytes())
            .map_or_else(|reason| reason.to_string(), |event| format!("an event of {} bytes", event.json().len()));
        println!("{name}: {} bytes, {result}", payload.len());
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(BenchmarkId::new(name, payload.len()), |b| {
            b.iter(|| run(black_box(payload.as_bytes())));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(std::time::Duration::from_secs(2));
    targets = parse
}
criterion_main!(benches);
