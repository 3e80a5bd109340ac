//! A change of filters takes effect, whole, at one point of the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use floodway_tests::{Broker, Gateway, Publisher, Ws, topic};

/// Publishes A 0, B 1, A 2, B 3 … until told to stop.
async fn alternate(mut publisher: Publisher, stop: Arc<AtomicBool>) {
    for n in 0_u64.. {
        let device = if n % 2 == 0 { "A" } else { "B" };
        publisher.send(&topic("T1", device), format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
        if n % 20 == 0 {
            publisher.settled().await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Reads events up to the answer: the numbers before it.
async fn up_to_answer(ws: &mut Ws) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let message = ws.next().await;
        match message["type"].as_str() {
            Some("telemetry") => numbers.push(message["metrics"]["n"].as_u64().expect("a number")),
            Some("subscribed" | "unsubscribed" | "filters_cleared") => return numbers,
            _ => panic!("neither an event nor the answer: {message}"),
        }
    }
}

#[tokio::test]
async fn an_answer_stands_between_the_old_filters_and_the_new() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("STREAM_QUEUE_SIZE", "100000").await;
    let mut ws = gateway.ws("T1", "device_id=A").await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn(alternate(broker.publisher().await, Arc::clone(&stop)));
    let mut next = 0;
    for _ in 0..100 {
        // Only A until the answer, without a hole; then both, without a hole.
        for _ in 0..5 {
            assert_eq!(ws.next_number().await, next);
            next += 2;
        }
        ws.send(r#"{"action":"subscribe","device_id":"B"}"#).await;
        for n in up_to_answer(&mut ws).await {
            assert_eq!(n, next, "only A comes before the answer");
            next += 2;
        }
        // The last A was `next - 2`; its B may have passed before the answer, nothing else.
        let mut both = ws.next_number().await;
        assert!(both == next - 1 || both == next, "{both} follows the answer, the last A was {}", next - 2);
        for _ in 0..5 {
            both += 1;
            assert_eq!(ws.next_number().await, both);
        }
        ws.send(r#"{"action":"unsubscribe","device_id":"B"}"#).await;
        for n in up_to_answer(&mut ws).await {
            both += 1;
            assert_eq!(n, both, "both come up to the answer");
        }
        next = (both + 2) / 2 * 2;
    }
    stop.store(true, Ordering::Relaxed);
    publishing.await.expect("the publisher ends well");
}
