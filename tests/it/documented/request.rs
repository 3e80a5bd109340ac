//! A request as an example shows it, and an answer as lines.

use std::collections::VecDeque;
use std::time::Duration;

use floodway_tests::{Gateway, Sse, Ws, token, within};
use http::{HeaderMap, StatusCode};

use super::player::Answer;

/// How long a token lives that is to expire.
const SHORT: Duration = Duration::from_secs(2);

/// A request whose head is being read.
pub(super) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The one that this line begins, if it begins one.
    pub(super) fn begun(line: &str) -> Option<Self> {
        let (method, target) = line.split_once(' ')?;
        let is_method = ["GET", "HEAD", "POST", "OPTIONS"].contains(&method);
        is_method.then(|| Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new() })
    }

    /// Adds a field of the head.
    pub(super) fn add(&mut self, line: &str) {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field of a head: {line}"));
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }

    /// Sends it: the head of the answer, what follows, and the body of a whole one. A narrow socket has the smallest buffers.
    pub(super) async fn send(&self, gateway: &Gateway, is_narrow: bool) -> (Head, Answer, Option<String>) {
        if self.is_websocket() {
            return self.shake_hands(gateway, is_narrow).await;
        }
        let method = self.method.parse().expect("a method");
        let mut request = gateway.http().request(method, gateway.url(&self.target));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = within("an answer", request.send()).await.expect("an answer");
        let head = Head { status: response.status(), headers: response.headers().clone() };
        if head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            return (head, Answer::Sse(Box::new(Sse::of(response)), VecDeque::new()), None);
        }
        let body = within("a body", response.text()).await.expect("a body");
        whole(head, body)
    }

    fn is_websocket(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "upgrade")
    }

    async fn shake_hands(&self, gateway: &Gateway, is_narrow: bool) -> (Head, Answer, Option<String>) {
        // What a library sends by itself.
        let own = self.headers.iter().filter(|(name, _)| name != "upgrade");
        let own: Vec<(&str, String)> = own.map(|(name, value)| (name.as_str(), value.clone())).collect();
        let opened = if is_narrow {
            let token = own
                .iter()
                .find_map(|(_, value)| value.strip_prefix("Bearer "))
                .expect("a token in the head");
            Ok(Ws::open_narrow(gateway.address(), &self.target, token).await)
        } else {
            Ws::open(gateway.address(), &self.target, &own).await
        };
        match opened {
            Ok(ws) => {
                let head = Head { status: StatusCode::SWITCHING_PROTOCOLS, headers: ws.head().clone() };
                (head, Answer::WebSocket(Box::new(ws)), None)
            }
            Err(response) => {
                let (parts, body) = response.into_parts();
                let body = String::from_utf8(body.unwrap_or_default()).expect("UTF-8");
                whole(Head { status: parts.status, headers: parts.headers }, body)
            }
        }
    }
}

fn whole(head: Head, body: String) -> (Head, Answer, Option<String>) {
    let lines = body.lines().map(str::to_owned).collect();
    (head, Answer::Whole(lines), (!body.is_empty()).then_some(body))
}

/// The head of an answer.
pub(super) struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

impl Head {
    /// The line of the head that the page shows so, as it came: the status, a field, or the empty line behind them. A page
    /// shows the fields that matter, in any order. None: it shows what follows the head.
    pub(super) fn line(&self, shown: &str) -> Option<String> {
        if shown.is_empty() {
            return Some(String::new());
        }
        if shown.len() == 3 && shown.parse::<u16>().is_ok() {
            return Some(self.status.as_str().to_owned());
        }
        let (name, _) = shown
            .split_once(": ")
            .filter(|(name, _)| name.chars().all(|c| c.is_ascii_alphabetic() || c == '-'))?;
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        Some(format!("{name}: {}", value.unwrap_or("is missing")))
    }
}

/// The line with tokens in the place of the words that stand for them, longer words first.
pub(super) fn with_tokens(line: &str) -> String {
    let acme = token("acme").claim("sub", "ann".into());
    let tokens = [
        ("TOKEN_OF_GLOBEX", token("globex").sign()),
        ("TOKEN_WITHOUT_TENANT", acme.clone().without("tenant_id").sign()),
        ("TOKEN_WITHOUT_ROLE", acme.clone().roles(&["guest"]).sign()),
        ("EXPIRED_TOKEN", acme.clone().expires_at(1).sign()),
        ("SHORT_TOKEN", acme.clone().ttl(SHORT).sign()),
        ("TOKEN", acme.sign()),
    ];
    tokens.into_iter().fold(line.to_owned(), |line, (word, token)| line.replace(word, &token))
}
