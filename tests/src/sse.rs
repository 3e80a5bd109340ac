//! An SSE client: the body comes from reqwest (or hyper over a narrow socket), its lines are read here, so that tests see
//! what a browser's EventSource hides.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::raw::narrow_socket;
use crate::stream::read_connected;
use crate::wait::within;

/// One message of the stream (HTML, 9.2.6), or a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its text as it came, without the blank line that ends it.
    pub raw: String,
    /// `id:`
    pub id: Option<String>,
    /// `event:`
    pub event: Option<String>,
    /// `data:`, several lines joined by line breaks.
    pub data: Option<String>,
    /// `retry:`
    pub retry: Option<String>,
    /// Lines that begin with a colon.
    pub comment: Option<String>,
}

impl Message {
    /// Whether it is a comment and nothing else.
    fn is_comment(&self) -> bool {
        let Self { raw: _, id, event, data, retry, comment } = self;
        comment.is_some() && [id, event, data, retry].iter().all(|field| field.is_none())
    }
}

/// One SSE stream. Dropping it cuts the connection.
pub struct Sse {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>,
    head: HeaderMap,
    buffer: Vec<u8>,
    connected: Value,
    retry: Option<String>,
}

impl Sse {
    /// The stream in a response's body.
    pub fn of(response: reqwest::Response) -> Self {
        let head = response.headers().clone();
        Self::over(head, response.bytes_stream().map(|part| part.map_err(|error| error.to_string())))
    }

    /// Asks for a stream over a socket with the smallest buffers.
    pub async fn open_narrow(address: SocketAddr, path_and_query: &str, token: &str) -> Self {
        let socket = TokioIo::new(narrow_socket(address));
        let mut builder = hyper::client::conn::http1::Builder::new();
        let shaken = builder.max_buf_size(8192).handshake::<_, Empty<Bytes>>(socket).await;
        let (mut sender, connection) = shaken.expect("a connection");
        tokio::spawn(connection);
        let request = Request::get(path_and_query)
            .header("host", address.to_string())
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())
            .expect("a request");
        let response = within("an answer", sender.send_request(request)).await.expect("an answer");
        assert_eq!(response.status(), http::StatusCode::OK);
        let head = response.headers().clone();
        // The sender is kept with the body: hyper ends a connection that can have no further request.
        let body = response.into_body().into_data_stream().map(move |part| {
            let _held = &sender;
            part.map_err(|error| error.to_string())
        });
        Self::over(head, body)
    }

    fn over(head: HeaderMap, body: impl Stream<Item = Result<Bytes, String>> + Send + 'static) -> Self {
        Self {
            body: Box::pin(body),
            head,
            buffer: Vec::new(),
            connected: Value::Null,
            retry: None,
        }
    }

    /// Headers of the answer.
    pub fn head(&self) -> &HeaderMap {
        &self.head
    }

    /// The data of the named event `connected`.
    pub fn connected(&self) -> &Value {
        &self.connected
    }

    /// The first `retry:`.
    pub fn retry(&self) -> Option<&str> {
        self.retry.as_deref()
    }

    /// Reads up to the named event `connected`; before it nothing but `retry:` may come.
    pub async fn read_connected(&mut self) {
        loop {
            let message = self.next().await;
            self.retry = message.retry.clone().or(self.retry.take());
            if message.event.as_deref() == Some("connected") {
                self.connected = read_connected(message.data.as_deref().unwrap_or_default());
                assert_eq!(message.id.as_deref(), self.connected["last_event_id"].as_str(), "{}", message.raw);
                return;
            }
            assert_eq!(message.data, None, "an event before `connected`: {}", message.raw);
        }
    }

    /// Reads one message; none at the end of the body. Comments are passed over: a slow machine gets some anywhere.
    pub async fn take(&mut self) -> Option<Message> {
        loop {
            let message = self.block().await?;
            if !message.is_comment() {
                return Some(message);
            }
        }
    }

    /// Reads one comment that must come before anything else.
    pub async fn next_comment(&mut self) -> String {
        let message = self.block().await.expect("a comment, not the end of the body");
        assert!(message.is_comment(), "a comment was expected: {}", message.raw);
        message.raw
    }

    /// Reads one message or comment; none at the end of the body.
    async fn block(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let raw: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                return Some(parse(String::from_utf8(raw).expect("an SSE stream is UTF-8")));
            }
            match within("a part of the body", self.body.next()).await {
                Some(Ok(part)) => self.buffer.extend_from_slice(&part),
                Some(Err(error)) => panic!("the body broke off: {error}"),
                None => {
                    assert!(self.buffer.is_empty(), "half a message at the end of the body");
                    return None;
                }
            }
        }
    }

    /// Reads one message that must come.
    pub async fn next(&mut self) -> Message {
        self.take().await.expect("a message, not the end of the body")
    }

    /// Reads the next message, which must be an event: its data.
    pub async fn next_event(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message.event, None, "an event was expected: {}", message.raw);
        json(&message)
    }

    /// Reads events whose metric `n` must be those numbers, in order.
    pub async fn expect_numbers(&mut self, numbers: std::ops::Range<u64>) {
        for n in numbers {
            assert_eq!(self.next_event().await["metrics"]["n"], n);
        }
    }

    /// Reads the next message, which must be the event named `name`: its data.
    pub async fn expect_named(&mut self, name: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message.event.as_deref(), Some(name), "{}", message.raw);
        assert_eq!(message.id, None, "only telemetry has an id: {}", message.raw);
        json(&message)
    }

    /// Reads to the end of the body, whatever comes.
    pub async fn ended(&mut self) {
        while self.take().await.is_some() {}
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("connected", &self.connected).finish_non_exhaustive()
    }
}

fn json(message: &Message) -> Value {
    let data = message.data.as_deref().unwrap_or_else(|| panic!("no data: {}", message.raw));
    serde_json::from_str(data).unwrap_or_else(|error| panic!("not JSON ({error}): {data}"))
}

fn parse(raw: String) -> Message {
    let mut message = Message::default();
    for line in raw.split('\n') {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let field = match name {
            "" => &mut message.comment,
            "id" => &mut message.id,
            "event" => &mut message.event,
            "data" => &mut message.data,
            "retry" => &mut message.retry,
            _ => panic!("no field of an SSE message: {line:?}"),
        };
        *field = Some(field.take().map_or_else(|| value.to_owned(), |before| format!("{before}\n{value}")));
    }
    message.raw = raw;
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_field_by_field() {
        let message = parse("id: 7\nevent: gap\ndata: a\ndata:b\nretry: 2000\n: note".to_owned());
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(message.id, text("7"));
        assert_eq!(message.event, text("gap"));
        assert_eq!(message.data, text("a\nb"));
        assert_eq!(message.retry, text("2000"));
        assert_eq!(message.comment, text("note"));
        assert!(!message.is_comment());
    }

    #[tokio::test]
    async fn comments_are_passed_over_where_messages_are_awaited() {
        let body = futures_util::stream::iter([Ok(Bytes::from(": one\n\ndata: 1\n\n: two\n\n: three\n\n"))]);
        let mut sse = Sse::over(HeaderMap::new(), body);
        assert_eq!(sse.next_event().await, 1);
        assert_eq!(sse.next_comment().await, ": two");
        assert_eq!(sse.take().await, None);
    }
}
