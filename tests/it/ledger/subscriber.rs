//! One subscriber, and what it must have by the model.

use std::collections::BTreeSet;

use fastrand::Rng;
use floodway_tests::{Gateway, SSE_PATH, Sse, Stream, WS_PATH, Ws, token};
use serde_json::{Value, json};

use super::KEPT;
use super::model::{DEVICES, Log, METRICS, Owed, Published, Wants, id_of};

const POLICIES: [&str; 5] = ["drop_newest", "drop_oldest", "latest", "disconnect", "catch_up"];

/// A stream over a socket with small buffers.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) subject: String,
    pub(super) reads: bool,
    /// Events that gaps have counted.
    pub(super) lost: u64,
    policy: &'static str,
    stream: Stream,
    wants: Wants,
    owed: Owed,
    /// All that matched this stream.
    matched: u64,
    last_id: u64,
    /// Its events are discarded: its end follows.
    is_ending: bool,
    is_closed: bool,
}

impl Subscriber {
    /// The subscriber with this number, from now on.
    pub(super) async fn open(gateway: &Gateway, number: usize, wants: Wants, rng: &mut Rng, log: &Log) -> Self {
        let (policy, is_ws) = (POLICIES[number % POLICIES.len()], number.is_multiple_of(2));
        let subject = format!("{policy}-{number}");
        let stream = connect(gateway, is_ws, &subject, &format!("overflow={policy}&{}", wants.query()), "").await;
        let start = start(&stream);
        assert!(log.behind(start).is_empty(), "who comes without an id begins behind the newest event");
        Self {
            subject,
            reads: rng.bool(),
            lost: 0,
            policy,
            stream,
            wants,
            owed: Owed::of(&Wants { devices: None, metric: None }, &[]),
            matched: 0,
            last_id: start,
            is_ending: false,
            is_closed: false,
        }
    }

    /// Cuts the connection and opens another that goes on behind the last id.
    pub(super) async fn leave_and_come_back(&mut self, gateway: &Gateway, rng: &mut Rng, log: &Log) {
        if rng.bool() {
            self.wants = Wants::any(rng);
        }
        if self.wants.devices.as_ref().is_some_and(BTreeSet::is_empty) {
            self.wants.devices = None;
        }
        let query = format!("overflow={}&{}", self.policy, self.wants.query());
        let (id, is_ws) = (self.last_id, matches!(self.stream, Stream::Ws(_)));
        self.stream = connect(gateway, is_ws, &self.subject, &query, &id.to_string()).await;
        let start = start(&self.stream);
        if start != id {
            let gap = self.stream.next().await;
            assert_eq!(gap, json!({"type": "gap", "reason": "replay", "dropped": gap["dropped"]}));
            let (missed, kept) = (log.behind(id).len(), log.behind(start).len());
            assert!(start > id && kept >= KEPT.min(missed), "of {missed} that it missed {kept} are kept");
        }
        self.owed = Owed::of(&self.wants, log.behind(start));
        self.matched = self.owed.count() as u64;
        (self.last_id, self.is_ending, self.is_closed) = (start, false, false);
    }

    /// Changes its filter in one of the ways that its transport has.
    pub(super) async fn change_filter(&mut self, rng: &mut Rng) {
        let Stream::Ws(ws) = &mut self.stream else {
            return;
        };
        let (device, metric) = (rng.usize(..DEVICES), rng.usize(..METRICS.len()));
        let mut wants = self.wants.clone();
        let action = match (rng.u8(..5), &mut wants.devices) {
            (0, Some(devices)) => {
                devices.remove(&device);
                json!({"action": "unsubscribe", "device_id": format!("D{device}")})
            }
            (0 | 1, devices) => {
                devices.get_or_insert_default().insert(device);
                json!({"action": "subscribe", "device_id": format!("D{device}")})
            }
            (2, _) => {
                wants.metric = Some(metric);
                json!({"action": "set_metrics", "metrics": [METRICS[metric]]})
            }
            (3, _) => {
                wants.metric = None;
                json!({"action": "set_metrics", "metrics": []})
            }
            _ => {
                wants = Wants { devices: None, metric: None };
                json!({"action": "clear_filters"})
            }
        };
        // Of one that changes nothing the gateway does not show when it has read it.
        if wants != self.wants && ws.try_send(&action.to_string()).await {
            self.wants = wants;
            self.owed.change();
        }
    }

    /// An event was published.
    pub(super) fn matches(&mut self, event: &Published) {
        if self.wants.matches(event) {
            self.matched += 1;
            self.owed.owe(event);
        }
    }

    /// Whether it may be that all that became of its events, as the gateway reports it, is this; none: the stream is ended.
    pub(super) fn may_report(&self, sum: Option<u64>) -> bool {
        sum.map_or(self.policy == "disconnect", |sum| sum == self.matched)
    }

    /// Whether the gateway reports that the stream wants what it should; none: the stream is ended.
    pub(super) fn is_filtered(&self, connection: Option<&Value>) -> bool {
        let Some(filters) = connection.map(|connection| &connection["filters"]) else {
            return self.policy == "disconnect";
        };
        let names = |key: &str| -> BTreeSet<String> {
            let names = filters[key].as_array().into_iter().flatten();
            names.map(|name| name.as_str().expect("a name").to_owned()).collect()
        };
        let devices: BTreeSet<_> = self.wants.devices.iter().flatten().map(|device| format!("D{device}")).collect();
        let metrics: BTreeSet<_> = self.wants.metric.iter().map(|metric| METRICS[*metric].to_owned()).collect();
        names("device_ids") == devices
            && names("metric_names") == metrics
            && filters["all_devices"].as_bool().unwrap_or_default() == self.wants.devices.is_none()
    }

    /// Reads so many messages, as far as any are due.
    pub(super) async fn read(&mut self, messages: usize) {
        for _ in 0..messages {
            if self.is_closed || self.owed.is_settled() {
                return;
            }
            self.read_one().await;
        }
    }

    /// Reads all that is due.
    pub(super) async fn read_all(&mut self) {
        self.read(usize::MAX).await;
    }

    async fn read_one(&mut self) {
        let Some(message) = self.take().await else {
            assert_eq!(self.policy, "disconnect", "{} was closed", self.subject);
            self.is_closed = true;
            return;
        };
        let (owed, conflates) = (&mut self.owed, self.policy == "latest");
        let count = message["dropped"].as_u64().unwrap_or_default();
        match (message["type"].as_str(), message["reason"].as_str()) {
            (Some("telemetry"), _) => {
                assert!(!self.is_ending, "{}: {message}", self.subject);
                let id = id_of(&message);
                owed.receive(id, conflates);
                self.last_id = self.last_id.max(id);
            }
            (Some("gap"), Some("overflow")) => {
                assert!(count > 0, "{message}");
                owed.lose(count as usize);
            }
            (Some("gap"), Some("conflated")) => owed.conflate(count as usize),
            (Some("subscribed" | "unsubscribed" | "metrics_updated" | "filters_cleared"), _) => {
                let is_in_place = owed.answer() || conflates;
                // Of one that is about to be closed the events are discarded, and the answers are not.
                assert!(is_in_place || self.policy == "disconnect", "{}: {message} before its place", self.subject);
                self.is_ending |= !is_in_place;
            }
            _ => panic!("{}: {message}", self.subject),
        }
        self.lost += count;
    }

    /// The next message, as a WebSocket sends it; none if the stream was closed for a slow consumer.
    async fn take(&mut self) -> Option<Value> {
        match &mut self.stream {
            Stream::Ws(ws) => match ws.message().await {
                Ok(text) => Some(serde_json::from_str(&text).expect("JSON")),
                Err(closed) => {
                    assert_eq!(closed, (4008, "Slow consumer".to_owned()), "{}", self.subject);
                    None
                }
            },
            Stream::Sse(sse) => Some(sse.take().await?.into_json()),
        }
    }
}

/// Opens a stream over a socket with the smallest buffers.
async fn connect(gateway: &Gateway, is_ws: bool, subject: &str, query: &str, id: &str) -> Stream {
    let token = token("T1").claim("sub", json!(subject)).sign();
    let query = format!("{query}&last_event_id={id}");
    if is_ws {
        let mut ws = Ws::open_narrow(gateway.address(), &format!("{WS_PATH}?{query}"), &token).await;
        ws.read_connected().await;
        return Stream::Ws(Box::new(ws));
    }
    let mut sse = Sse::open_narrow(gateway.address(), &format!("{SSE_PATH}?{query}"), &token).await;
    sse.read_connected().await;
    Stream::Sse(sse)
}

/// Where it begins, as an id.
fn start(stream: &Stream) -> u64 {
    stream.start_id().parse().expect("a number")
}
