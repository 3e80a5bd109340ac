//! Some three hundred kinds of bad input, each while a well-behaved neighbour is being served.
//!
//! What is checked after each kind is the same: the process lives, the neighbour's stream is complete and in order, and
//! in the end no stream is left over. Kinds are rows of tables, one table a way in.

mod actions;
mod frames;
mod messages;
mod requests;
mod tokens;

use std::collections::BTreeSet;

use floodway_tests::{Broker, Gateway, Publisher, Sse, Ws, token};

/// A gateway, and a tenant on it that behaves.
struct Scene {
    gateway: Gateway,
    broker: Broker,
    publisher: Publisher,
    ws: Ws,
    sse: Sse,
    next: u64,
    kinds: BTreeSet<String>,
}

impl Scene {
    async fn start() -> Self {
        let broker = Broker::start().await;
        let launch = Gateway::start(&broker)
            .env("MAX_STREAM_CONNECTIONS_PER_TENANT", "0")
            .env("FLOODWAY_MQTT_SUBSCRIBE", "all")
            .env("FLOODWAY_HTTP_HEADER_TIMEOUT_SECONDS", "1")
            .env("FLOODWAY_STREAM_CLOSE_TIMEOUT_SECONDS", "1");
        let gateway = launch.await;
        let (ws, sse) = (gateway.ws("GOOD", "").await, gateway.sse("GOOD", "").await);
        let publisher = broker.publisher().await;
        Self { gateway, broker, publisher, ws, sse, next: 0, kinds: BTreeSet::new() }
    }

    fn good_token(&self) -> String {
        token("GOOD").sign()
    }

    /// One kind of bad input has been tried: the neighbour is served as ever.
    async fn unharmed_by(&mut self, kind: impl Into<String>) {
        let kind = kind.into();
        assert!(self.gateway.runs(), "the process died of: {kind}");
        self.publisher.count("GOOD", "A", self.next..self.next + 1).await;
        let event = self.ws.next().await;
        assert_eq!(event["metrics"]["n"], self.next, "the neighbour after {kind}: {event}");
        assert_eq!(self.sse.next_event().await["metrics"]["n"], self.next, "the neighbour after: {kind}");
        self.next += 1;
        assert!(self.kinds.insert(kind.clone()), "tried twice: {kind}");
    }

    /// All has been tried: only the neighbour is left, and then nobody.
    async fn leaves_nothing(mut self, at_least: usize) {
        assert!(self.kinds.len() >= at_least, "only {} kinds were tried", self.kinds.len());
        self.gateway.has_connections(2).await;
        drop((self.ws, self.sse));
        self.gateway.has_connections(0).await;
        assert!(self.gateway.runs());
        self.gateway.terminate();
        assert_eq!(self.gateway.exit_code().await, Some(0));
    }
}
