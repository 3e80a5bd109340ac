//! What does the first subscriber of a view cost per event, and what each one after it?
//!
//! `first` is inside the timer: the first `frame` of a fresh event in that view, for a projection with the projection.
//! The event is parsed outside of it, and dropped outside too. `shared` is any later `frame` of the same event: this
//! is what 10,000 subscribers with equal views pay, each. `shared among` is the same where so many other projections
//! of the event were asked for before.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use floodway_core::event::{Config, Event, MetricSet, Parser};
use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, EventId};

const PAYLOAD: &[u8] =
    br#"{"ts":"2026-02-16T12:00:00Z","metrics":{"temperature":72.10,"humidity":45,"pressure":1013.25,"battery":3.71}}"#;

const ENCODINGS: [Encoding; 4] = [Encoding::Ws, Encoding::WsWithId, Encoding::Sse, Encoding::SseChunked];

/// How many other projections of the event there are.
const OTHERS: [usize; 3] = [0, 100, 10_000];

fn events() -> impl FnMut() -> Event {
    let tenant = TenantId::parse("TENANT1").expect("a valid name");
    let mut parser = Parser::new(&Config::default());
    move || {
        let topic = "tenant/TENANT1/device/DEV-001/telemetry";
        let id = EventId::new(1_846_290_011_021_312);
        parser.parse(id, &tenant, "DEV-001", topic, PAYLOAD).expect("a valid payload")
    }
}

fn set(names: &[&str]) -> Arc<MetricSet> {
    Arc::new(MetricSet::new(names.iter().map(|&name| name.to_owned())))
}

type View = (Option<Arc<MetricSet>>, Encoding);

fn frame<'a>(event: &'a Event, (metrics, encoding): &View) -> Option<&'a [u8]> {
    event.frame(metrics.as_ref(), *encoding)
}

fn views() -> Vec<(String, View)> {
    let two = set(&["temperature", "humidity"]);
    let projections = [("all metrics", None), ("2 of 4 metrics", Some(two))];
    let views = projections.into_iter().flat_map(|(name, metrics)| {
        ENCODINGS.map(|encoding| (format!("{name}, {encoding:?}"), (metrics.clone(), encoding)))
    });
    views.collect()
}

fn first(c: &mut Criterion) {
    let mut group = c.benchmark_group("first");
    for (name, view) in views() {
        let mut fresh = events();
        let bytes = frame(&fresh(), &view).map_or(0, <[u8]>::len);
        println!("{name}: {bytes} bytes");
        group.bench_function(BenchmarkId::new(name, bytes), |b| {
            let encode = |event: Event| {
                black_box(frame(&event, black_box(&view)));
                event
            };
            b.iter_batched(&mut fresh, encode, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn shared(c: &mut Criterion) {
    let event = events()();
    let mut group = c.benchmark_group("shared");
    for (name, view) in views() {
        group.bench_function(name, |b| b.iter(|| frame(black_box(&event), black_box(&view)).map(<[u8]>::len)));
    }
    group.finish();
}

fn shared_among_others(c: &mut Criterion) {
    let mut group = c.benchmark_group("shared among");
    for others in OTHERS {
        let event = events()();
        for n in 0..others {
            event.frame(Some(&set(&["temperature", &n.to_string()])), Encoding::Ws);
        }
        let view = (Some(set(&["temperature"])), Encoding::Ws);
        group.bench_function(BenchmarkId::from_parameter(others), |b| {
            b.iter(|| frame(black_box(&event), black_box(&view)).map(<[u8]>::len));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = first, shared, shared_among_others
}
criterion_main!(benches);
