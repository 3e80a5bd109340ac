//! Plays an example against a gateway and a broker of its own: sends what the page says that a client sends, and compares
//! what comes with what the page says that comes.

use std::collections::VecDeque;

use floodway_tests::proxy::Proxy;
use floodway_tests::{Broker, Gateway, Publisher, Sse, Ws, topic, wait_until};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::page::{Example, Line};
use super::pattern::{self, Ids};
use super::request::{self, Head, Request};
use crate::admin::ask;

/// The tenant of all examples.
const TENANT: &str = "acme";

/// What an example says of silence comes after a shorter one here.
const SILENCE_SECONDS: &str = "0.3";

/// What stands for the end of a body.
const END: &str = "end of the body";

/// Events of a kilobyte, more than a socket with small buffers and a queue of 100 take.
const FLOOD: u64 = 1500;

/// A message that was seen: who sent it, by which transport, and its text.
pub(super) type Seen = (&'static str, &'static str, String);

/// What an open request is answered with, behind its head.
pub(super) enum Answer {
    None,
    WebSocket(Box<Ws>),
    /// The stream, and the lines of its last message that are yet to be compared.
    Sse(Box<Sse>, VecDeque<String>),
    /// The lines of the body.
    Whole(VecDeque<String>),
}

/// An example that is being played.
pub(super) struct Player {
    _broker: Broker,
    proxy: Proxy,
    gateway: Gateway,
    publisher: Publisher,
    /// Whether sockets have the smallest buffers, because a client is not going to read.
    is_narrow: bool,
    ids: Ids,
    request: Option<Request>,
    /// The head of the last answer, while the page shows it.
    head: Option<Head>,
    answer: Answer,
    /// A line that was read already.
    ahead: Option<String>,
    /// Streams that were opened before, which live on.
    others: Vec<Answer>,
    seen: Vec<Seen>,
}

/// Plays it. Returns every message that was sent and received.
pub(super) async fn play(example: &Example) -> Vec<Seen> {
    let mut player = Player::start(example).await;
    let mut lines = example.lines.iter().peekable();
    while let Some(line) = lines.next() {
        let place = format!("{} {line:?}", example.place);
        match line {
            Line::Client(text) => player.client(text).await,
            Line::Elsewhere(what) => player.elsewhere(what).await,
            Line::Gateway(shown) if shown == "…" => {
                let Some(Line::Gateway(next)) = lines.peek() else {
                    panic!("{place}: something follows");
                };
                player.pass_over(next).await;
            }
            Line::Gateway(shown) => {
                let came = player.next_line(shown).await;
                assert!(pattern::fits(shown, &came, &mut player.ids), "{place}\ncame: {came}\nids: {:?}", player.ids);
            }
        }
    }
    player.seen
}

impl Player {
    async fn start(example: &Example) -> Self {
        let broker = Broker::start().await;
        let proxy = Proxy::start(broker.port()).await;
        let mut launch = Gateway::start_at(&proxy.url()).env("FLOODWAY_MQTT_BACKOFF_MAX_SECONDS", "0.2");
        launch = launch.env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example");
        if example.tells("nothing is sent for") {
            launch = launch.env("FLOODWAY_STREAM_WS_PING_SECONDS", SILENCE_SECONDS);
            launch = launch.env("FLOODWAY_STREAM_SSE_KEEPALIVE_SECONDS", SILENCE_SECONDS);
        }
        let gateway = launch.await;
        let publisher = broker.publisher().await;
        Self {
            _broker: broker,
            proxy,
            gateway,
            publisher,
            is_narrow: example.tells("does not read"),
            ids: Ids::new(),
            request: None,
            head: None,
            ahead: None,
            answer: Answer::None,
            others: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// A line that the client sends: of the head of a request, or on its WebSocket.
    async fn client(&mut self, text: &str) {
        let text = &pattern::with_ids(&request::with_tokens(text), &self.ids);
        if let Some(request) = Request::begun(text) {
            self.others.push(std::mem::replace(&mut self.answer, Answer::None));
            self.request = Some(request);
        } else if let Some(request) = &mut self.request {
            request.add(text);
        } else if let Answer::WebSocket(ws) = &mut self.answer {
            match text.strip_prefix("close ") {
                Some(code) => {
                    let code = code.parse::<u16>().expect("a close code").into();
                    ws.send_frame(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
                }
                None => {
                    self.seen.push(("client", "websocket", text.clone()));
                    ws.send(text.as_str()).await;
                }
            }
        } else {
            panic!("there is no WebSocket to send on: {text}");
        }
    }

    /// The next line that comes, where the page shows this one.
    async fn next_line(&mut self, shown: &str) -> String {
        if let Some(request) = self.request.take() {
            self.open(&request).await;
        }
        if let Some(line) = self.head.as_ref().and_then(|head| head.line(shown)) {
            if line.is_empty() {
                self.head = None;
            }
            return line;
        }
        self.head = None;
        match self.ahead.take() {
            Some(line) => line,
            None => self.next_of_body(shown).await,
        }
    }

    async fn next_of_body(&mut self, shown: &str) -> String {
        match &mut self.answer {
            Answer::None => panic!("nothing was asked for"),
            Answer::WebSocket(ws) => {
                let message = if shown.starts_with(r#"{"type":"ping""#) {
                    Ok(ws.next_ping().await)
                } else {
                    ws.message().await
                };
                let close = |(code, reason)| format!("close {code} {reason}").trim_end().to_owned();
                let seen = &mut self.seen;
                message
                    .inspect(|text| seen.push(("gateway", "websocket", text.clone())))
                    .unwrap_or_else(close)
            }
            Answer::Sse(sse, lines) => {
                if lines.is_empty() {
                    let text = if shown.starts_with(':') {
                        Some(sse.next_comment().await)
                    } else {
                        sse.take().await.map(|message| message.raw)
                    };
                    for line in text.iter().flat_map(|text| text.lines()) {
                        let data = line.strip_prefix("data: ");
                        self.seen.extend(data.map(|data| ("gateway", "sse", data.to_owned())));
                        lines.push_back(line.to_owned());
                    }
                    lines.extend(text.map(|_| String::new()));
                }
                lines.pop_front().unwrap_or_else(|| END.to_owned())
            }
            Answer::Whole(lines) => lines.pop_front().unwrap_or_else(|| END.to_owned()),
        }
    }

    /// Reads events until what the page shows next comes: any number of them, and nothing else.
    async fn pass_over(&mut self, shown: &str) {
        loop {
            let came = self.next_line(shown).await;
            let is_event = came.starts_with(r#"{"type":"telemetry""#);
            if !is_event || pattern::fits(shown, &came, &mut self.ids.clone()) {
                self.ahead = Some(came);
                return;
            }
        }
    }

    async fn open(&mut self, request: &Request) {
        let (head, answer, body) = request.send(&self.gateway, self.is_narrow).await;
        self.head = Some(head);
        self.answer = answer;
        self.seen.extend(body.map(|body| ("gateway", "http", body)));
    }

    /// What happens elsewhere, by the words that tell it.
    async fn elsewhere(&mut self, what: &str) {
        if let Some((device, payload)) = what.split_once(" publishes ") {
            if payload == "more than fits, while the client does not read" {
                return self.flood(device).await;
            }
            self.seen.push(("device", "mqtt", payload.to_owned()));
            return self.publisher.telemetry(TENANT, device, payload).await;
        }
        if let Some((group, devices)) = what.strip_prefix("the group ").and_then(|rest| rest.split_once(" becomes ")) {
            let devices: Vec<&str> = devices.split(", ").collect();
            let group = json!({"tenant_id": TENANT, "group_id": group, "device_ids": devices});
            ask(&self.gateway, "PutGroup", json!({ "group": group })).await;
        } else if let Some(limit) = what.strip_prefix("the tenant's limit becomes ") {
            let limits = json!({"connections_per_tenant": limit.parse::<u32>().expect("a limit")});
            ask(&self.gateway, "SetLimits", json!({"tenant_id": TENANT, "limits": limits})).await;
        } else if let Some(reason) = what.strip_prefix("an administrator ends the stream: ") {
            ask(&self.gateway, "Disconnect", json!({"tenant_id": TENANT, "reason": reason})).await;
        } else {
            match what {
                "the broker is lost" => self.proxy.cut().await,
                "the broker is back" => self.proxy.restore(),
                "the gateway drains" => _ = ask(&self.gateway, "Drain", json!({"spread": "0s"})).await,
                "the client is cut off" => self.cut_off().await,
                // The next line is waited for.
                "the token expires" | "nothing is sent for 30 seconds" | "nothing is sent for 15 seconds" => {}
                "the gateway has lost its broker" => self.is_unready().await,
                _ => panic!("nobody knows how to do this: {what}"),
            }
        }
    }

    async fn cut_off(&mut self) {
        self.answer = Answer::None;
        self.others.clear();
        self.gateway.has_connections(0).await;
    }

    async fn is_unready(&mut self) {
        self.proxy.cut().await;
        wait_until("the broker is missed", async || self.gateway.get("/readyz").await.0 != 200).await;
    }

    async fn flood(&mut self, device: &str) {
        let pad = "x".repeat(1000);
        for n in 0..FLOOD {
            let payload: Value = json!({"metrics": {"n": n, "pad": pad}});
            self.publisher.send(&topic(TENANT, device), payload.to_string()).await;
        }
        self.publisher.settled().await;
    }
}
