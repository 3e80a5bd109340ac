//! Ingest ends at once, whatever it waits for, with a DISCONNECT.

use super::*;

#[tokio::test]
async fn ingest_starts_and_stops_without_a_broker() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bed = Bed::start(quick(vec![format!("mqtt://{nobody}")]));
    let permit = bed.index.enter(&TenantId::parse("T").unwrap()).unwrap();
    assert_eq!(bed.ingest.handle().confirmed(permit.tenant()).await, Err(Unavailable::NoSource));
    assert!(!bed.ingest.handle().is_connected());
    bed.ingest.stop();
}

#[tokio::test]
async fn stopping_says_goodbye_to_the_broker() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    bed.subscriber("T").await;
    tokio::task::spawn_blocking(move || bed.ingest.stop()).await.unwrap();
    let log = broker.dir.path().join("log");
    let noted = async {
        loop {
            // A link that just ended would be "closed its connection".
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(line) = log.lines().find(|line| line.contains("Client floodway-") && !line.contains(" as ")) {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let line = timeout(DEADLINE, noted).await.expect("the broker notes the end");
    assert!(line.ends_with(" disconnected."), "{line}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_full_inbox() {
    let broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let permit = bed.subscriber("T").await;
    let messages = vec![(TOPIC, &b"{}"[..]); 100];
    broker.publish(&messages).await;
    let full = async {
        while bed.inboxes[0].len() < 64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, full).await.expect("the inbox fills up");
    let ingest = bed.ingest.handle();
    let stopped = tokio::task::spawn_blocking(move || bed.ingest.stop());
    timeout(DEADLINE, stopped).await.expect("it ends").unwrap();
    assert!(!ingest.is_connected());
    assert_eq!(ingest.confirmed(permit.tenant()).await, Err(Unavailable::NoSource));
}
