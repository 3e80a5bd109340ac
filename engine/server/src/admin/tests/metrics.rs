//! The pages for Prometheus, read by the rules of the text format.

use std::collections::{BTreeMap, HashMap};

use super::super::metrics::{self as pages, Snapshot, Tenants};
use super::super::observer::ShardLoad;
use super::super::totals::{Delays, Passed, Resumes};
use super::*;
use floodway_core::history::HistoryCounts;
use floodway_core::shard;
use floodway_protocol::ends::CODE_LABELS;
use floodway_protocol::names::TenantId;

/// A page as its reader takes it: each sample by its name with labels.
struct Page {
    samples: HashMap<String, f64>,
    /// The samples of each family.
    families: BTreeMap<String, usize>,
}

/// Reads the text format 0.0.4: one HELP, one TYPE, then the samples of that name, and nothing comes twice.
fn read(text: &str) -> Page {
    assert!(text.ends_with('\n'));
    let (mut samples, mut families) = (HashMap::new(), BTreeMap::new());
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let help = help.strip_prefix("# HELP ").expect("a HELP begins it");
        let (name, help) = help.split_once(' ').expect("a help");
        assert!(name.starts_with("floodway_") && help.ends_with('.'), "{name} {help}");
        let kind = lines.next().expect("a TYPE");
        let kind = kind.strip_prefix(&format!("# TYPE {name} ")).expect(name);
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        let mut count = 0;
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let suffix = series.split('{').next().and_then(|full| full.strip_prefix(name));
            let suffixes: &[&str] = match kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                "counter" | "gauge" => &[""],
                other => panic!("{name} is a {other}"),
            };
            assert!(suffix.is_some_and(|suffix| suffixes.contains(&suffix)), "{series}");
            let value = value.parse().expect("a number");
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} twice");
            count += 1;
        }
        assert!(count > 0, "{name} has no samples");
        assert!(families.insert(name.to_owned(), count).is_none(), "{name} twice");
    }
    Page { samples, families }
}

fn snapshot() -> Snapshot {
    let passed = |opened| {
        let mut closed = [0; CODE_LABELS.len()];
        (closed[1], closed[12]) = (opened - 2, 1);
        Passed { opened, closed }
    };
    let mut counts = [0; shard::DELAY_BOUNDS.len() + 1];
    (counts[0], counts[3], counts[16]) = (4000, 990, 10);
    let load = |inbox, millis| ShardLoad { inbox, inbox_capacity: 8192, busy: Duration::from_millis(millis) };
    Snapshot {
        status: sample(),
        totals: Totals {
            ws_passed: passed(30),
            sse_passed: passed(10),
            matched: 5061,
            delivered: 5000,
            delays: Delays { counts, microseconds: 1_500_000 },
            dropped: 21,
            held: 23,
            lagging: 2,
            bytes: 600_000,
            conflated: 17,
            held_bytes: 4096,
            gaps: shard::GapCounts { overflow: 4, conflated: 3, replay: 9, upstream: 6 },
            writes: 1500,
            resumes: Resumes { complete: 8, incomplete: 9 },
            ..Totals::default()
        },
        shards: vec![load(3, 1500), load(0, 250)],
        history: HistoryCounts { entries: 7, bytes: 5000, evicted: [3, 2, 1], ..HistoryCounts::default() },
        refused: [("unauthenticated", 5), ("read_only", 1), ("host", 0), ("origin", 0)],
    }
}

#[test]
fn every_count_has_its_line() {
    let text = pages::gateway(&snapshot());
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let build = format!("floodway_build_info{{version=\"1.2.3\",target=\"{target}\"}} 1");
    for line in [
        &build,
        "floodway_start_time_seconds 1771243200.5",
        "floodway_draining 1",
        "floodway_broker_up 1",
        "floodway_broker_reconnects_total 3",
        "floodway_connections{transport=\"websocket\"} 8",
        "floodway_connections{transport=\"sse\"} 5",
        "floodway_connections_admitted 14",
        "floodway_tenants 6",
        "floodway_connections_limit 9000",
        "floodway_connections_per_tenant_limit 12",
        "floodway_queue_size_limit_events 100",
        "floodway_connections_opened_total{transport=\"websocket\"} 30",
        "floodway_connections_opened_total{transport=\"sse\"} 10",
        "floodway_connections_closed_total{reason=\"closed\"} 17",
        "floodway_connections_closed_total{reason=\"gone\"} 10",
        "floodway_connections_closed_by_code_total{transport=\"websocket\",code=\"1000\"} 28",
        "floodway_connections_closed_by_code_total{transport=\"sse\",code=\"other\"} 1",
        "floodway_connections_refused_total{reason=\"bad_token\"} 11",
        "floodway_connections_refused_total{reason=\"draining\"} 2",
        "floodway_tokens_refused_total{check=\"expired\"} 7",
        "floodway_tokens_refused_total{check=\"signature\"} 4",
        "floodway_admin_requests_refused_total{reason=\"unauthenticated\"} 5",
        "floodway_admin_requests_refused_total{reason=\"host\"} 0",
        "floodway_ready 0",
        "floodway_unready{reason=\"draining\"} 1",
        "floodway_unready{reason=\"shard_stuck\"} 0",
        "floodway_broker_attempts_total{result=\"refused\"} 26",
        "floodway_streams_refused_upstream 27",
        "floodway_ingest_messages_total 700",
        "floodway_ingest_payload_bytes_total 70000",
        "floodway_ingest_accepted_total 691",
        "floodway_ingest_without_metrics_total 3",
        "floodway_ingest_rejected_total{reason=\"not_json\"} 9",
        "floodway_ingest_rejected_total{reason=\"topic\"} 0",
        "floodway_matched_total 5061",
        "floodway_deliveries_total 5000",
        "floodway_drops_total 21",
        "floodway_conflated_total 17",
        "floodway_held_events 23",
        "floodway_held_bytes 4096",
        "floodway_lagging_connections 2",
        "floodway_gaps_total{reason=\"overflow\"} 4",
        "floodway_gaps_total{reason=\"conflated\"} 3",
        "floodway_gaps_total{reason=\"replay\"} 9",
        "floodway_gaps_total{reason=\"upstream\"} 6",
        "floodway_sent_bytes_total 600000",
        "floodway_socket_writes_total 1500",
        "floodway_replay_events 7",
        "floodway_replay_bytes 5000",
        "floodway_replay_evictions_total{reason=\"bounds\"} 3",
        "floodway_replay_evictions_total{reason=\"tenant_left\"} 1",
        "floodway_resumes_total{result=\"complete\"} 8",
        "floodway_resumes_total{result=\"incomplete\"} 9",
        "floodway_delivery_seconds_bucket{le=\"0.0001\"} 4000",
        "floodway_delivery_seconds_bucket{le=\"0.0005\"} 4000",
        "floodway_delivery_seconds_bucket{le=\"0.001\"} 4990",
        "floodway_delivery_seconds_bucket{le=\"10\"} 4990",
        "floodway_delivery_seconds_bucket{le=\"+Inf\"} 5000",
        "floodway_delivery_seconds_sum 1.5",
        "floodway_delivery_seconds_count 5000",
        "floodway_inbox_items{shard=\"0\"} 3",
        "floodway_inbox_capacity_items{shard=\"1\"} 8192",
        "floodway_shard_busy_seconds_total{shard=\"0\"} 1.5",
        "floodway_shard_busy_seconds_total{shard=\"1\"} 0.25",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn the_gateways_page_keeps_the_rules_and_has_so_many_series() {
    let page = read(&pages::gateway(&snapshot()));
    assert!(page.families.len() > 30, "{:?}", page.families.keys());
    let of = |family: &str| page.families[&format!("floodway_{family}")];
    assert_eq!(of("connections_closed_by_code_total"), 2 * CODE_LABELS.len());
    assert_eq!(of("delivery_seconds"), shard::DELAY_BOUNDS.len() + 3);
}

#[tokio::test]
async fn tenants_are_shown_by_their_names_and_the_others_as_one() {
    let private = Private::start(None).await;
    let names = [r#"a"b\c"#, "_other", "ten nant é", "D"];
    let permits: Vec<_> = names
        .iter()
        .map(|name| private.index.enter(&TenantId::parse(name).expect(name)).expect("a permit"))
        .collect();
    for (permit, delivered) in permits.iter().zip([40, 30, 20, 10]) {
        permit.tenant().counters(0).delivered.add(delivered);
        permit.tenant().counters(0).sse.add(delivered / 10);
    }
    let observer = &private.observer;
    // The shards' own counts are zeros here, so nothing is left for the others.
    let page = read(&Tenants::new(3).text(observer));
    assert_eq!(page.families.len(), 6);
    let delivered = |name: &str| page.samples.get(&format!("floodway_tenant_deliveries_total{{tenant=\"{name}\"}}"));
    for (name, expected) in [(r#"a\"b\\c"#, 40.0), ("__other", 30.0), ("ten nant é", 20.0), ("_other", 0.0)] {
        assert_eq!(delivered(name), Some(&expected), "{name}");
    }
    assert_eq!(delivered("D"), None);
    assert_eq!(page.families["floodway_tenant_connections"], 8);
    let sse = "floodway_tenant_connections{tenant=\"__other\",transport=\"sse\"}";
    assert_eq!(page.samples[sse], 3.0);
    let none = read(&Tenants::new(0).text(observer));
    assert_eq!(none.families["floodway_tenant_deliveries_total"], 1);
    drop(permits);
    private.stop().await;
}
