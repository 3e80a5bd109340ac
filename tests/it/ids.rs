//! Ids of events grow along a tenant, whatever the clock of the gateway's machine does.

use std::fs::read_dir;
use std::path::PathBuf;
use std::time::Duration;

use floodway_tests::gateway::Launch;
use floodway_tests::{Broker, Gateway, token, wait_until};

/// Debian's libfaketime, for programs with threads.
fn libfaketime() -> PathBuf {
    let folders = read_dir("/usr/lib").expect("a system");
    let mut libraries = folders.filter_map(|folder| {
        let library = folder.ok()?.path().join("faketime/libfaketimeMT.so.1");
        library.exists().then_some(library)
    });
    libraries
        .next()
        .expect("libfaketime is not installed: run scripts/test, or apt-get install faketime")
}

/// With a clock that is off by `days`.
fn off_by(launch: Launch, days: i32) -> Launch {
    launch
        .env("LD_PRELOAD", libfaketime().display())
        .env("FAKETIME", format!("{days:+}d"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", 1)
}

/// The ids of events of `T1` that a gateway gives with a clock that is off by `days`, from its start to its end.
async fn ids_with_clock(broker: &Broker, days: i32) -> Vec<u64> {
    let mut gateway = off_by(Gateway::start(broker), days).await;
    let mut sse = gateway.sse("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..3).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = sse.next().await.id.expect("an id");
        ids.push(id.parse().expect("a number"));
    }
    drop(sse);
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0));
    ids
}

#[tokio::test]
async fn ids_grow_over_restarts_with_an_earlier_clock() {
    let broker = Broker::start().await;
    let mut ids = Vec::new();
    for days in [0, -1, 0, -300, -299] {
        ids.extend(ids_with_clock(&broker, days).await);
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
}

#[tokio::test]
async fn ids_of_gateways_that_share_a_broker_stay_above_both_their_pasts() {
    let broker = Broker::start().await;
    let ahead = off_by(Gateway::start(&broker), 1).await;
    let beside = Gateway::start(&broker).await;
    let token = token("T1").ttl(Duration::from_secs(7 * 86_400)).sign();
    let (mut one, mut other) = (ahead.sse_with(&token, "").await, beside.sse_with(&token, "").await);
    broker.publisher().await.count("T1", "A", 0..1).await;
    let number = |id: Option<String>| id.expect("an id").parse::<u64>().expect("a number");
    let last = number(one.next().await.id).max(number(other.next().await.id));
    drop((ahead, beside));
    let first = ids_with_clock(&broker, -1).await[0];
    assert!(last < first, "{last} < {first}");
}

#[tokio::test]
async fn a_broker_that_keeps_no_reservation_is_told_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let acl = folder.path().join("acl");
    let rights = "topic readwrite tenant/#\ntopic read floodway/control/#\n";
    std::fs::write(&acl, rights).expect("written");
    // Where it queues nothing, mosquitto ends the connection of who publishes what is forbidden.
    let rules = format!("acl_file {}\nmax_queued_messages 1000", acl.display());
    let broker = Broker::start_with(&rules).await;
    let gateway = Gateway::start(&broker).await;
    let told = || {
        let log = gateway.log();
        let told = |line: &&String| line.contains("ids of events can't be reserved");
        log.iter().filter(told).count()
    };
    wait_until("it is told", async || told() > 0).await;
    let mut ws = gateway.ws("T1", "").await;
    broker.publisher().await.count("T1", "A", 0..1).await;
    ws.expect_numbers(0..1).await;
    assert_eq!(told(), 1);
}
