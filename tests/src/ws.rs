//! A WebSocket client (tokio-tungstenite) that reads only when a test asks for it.

use std::fmt;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Response};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::raw::narrow_socket;
use crate::stream::read_connected;
use crate::wait::within;

/// What a WebSocket can run over.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Close code and reason; 1006 (RFC 6455, 7.1.5) if the connection ended without a close frame.
pub type Closed = (u16, String);

/// One WebSocket. Dropping it cuts the connection.
pub struct Ws {
    stream: WebSocketStream<Box<dyn Wire>>,
    head: HeaderMap,
    connected: Value,
    pings: usize,
}

impl Ws {
    /// Shakes hands on a new connection.
    ///
    /// # Errors
    /// The answer, if it was not an upgrade.
    pub async fn open(
        address: SocketAddr,
        path_and_query: &str,
        headers: &[(&str, String)],
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let socket = within("a connection", TcpStream::connect(address)).await.expect("the gateway accepts");
        Self::over(Box::new(socket), &format!("ws://{address}{path_and_query}"), headers).await
    }

    /// Shakes hands over a socket with the smallest buffers.
    pub async fn open_narrow(address: SocketAddr, path_and_query: &str, token: &str) -> Self {
        let socket = narrow_socket(address);
        let bearer = ("authorization", format!("Bearer {token}"));
        let opened = Self::over(Box::new(socket), &format!("ws://{address}{path_and_query}"), &[bearer]).await;
        opened.expect("the stream is accepted")
    }

    /// Shakes hands over `wire`.
    ///
    /// # Errors
    /// The answer, if it was not an upgrade.
    pub async fn over(
        wire: Box<dyn Wire>,
        url: &str,
        headers: &[(&str, String)],
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        match within("the handshake", client_async(request, wire)).await {
            Ok((stream, response)) => {
                Ok(Self { stream, head: response.headers().clone(), connected: Value::Null, pings: 0 })
            }
            Err(tungstenite::Error::Http(response)) => Err(response),
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    /// Headers of the handshake's answer.
    pub fn head(&self) -> &HeaderMap {
        &self.head
    }

    /// The first message.
    pub fn connected(&self) -> &Value {
        &self.connected
    }

    /// Protocol pings (RFC 6455, 5.5.2) that were read so far.
    pub fn pings(&self) -> usize {
        self.pings
    }

    /// Reads the first message.
    pub async fn read_connected(&mut self) {
        self.connected = read_connected(&self.text().await);
    }

    /// Reads one message. Pings are passed over: a slow machine gets some anywhere.
    ///
    /// # Errors
    /// How the stream was closed.
    pub async fn message(&mut self) -> Result<String, Closed> {
        loop {
            let message = self.any_message().await?;
            if !is_ping(&message) {
                return Ok(message);
            }
        }
    }

    /// Reads one ping that must come before anything else.
    pub async fn next_ping(&mut self) -> String {
        let message = self.any_message().await.expect("a ping, not the end of the stream");
        assert!(is_ping(&message), "a ping was expected: {message}");
        message
    }

    /// Reads one message, pings included.
    async fn any_message(&mut self) -> Result<String, Closed> {
        loop {
            match within("a message", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.as_str().to_owned()));
                }
                Some(Ok(Message::Close(None))) => return Err((1005, String::new())),
                Some(Ok(Message::Ping(_))) => self.pings += 1,
                Some(Ok(Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the gateway sends only text, not {other:?}"),
                Some(Err(tungstenite::Error::Capacity(error))) => panic!("{error}"),
                Some(Err(error)) => return Err((1006, error.to_string())),
                None => return Err((1006, "end of stream".to_owned())),
            }
        }
    }

    /// Reads one message that must come.
    pub async fn text(&mut self) -> String {
        self.message()
            .await
            .unwrap_or_else(|closed| panic!("closed instead of a message: {closed:?}"))
    }

    /// Reads one message as JSON.
    pub async fn next(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
    }

    /// Reads one message that must be `expected`.
    pub async fn expect_json(&mut self, expected: Value) {
        assert_eq!(self.next().await, expected);
    }

    /// Reads one message that must be an event.
    pub async fn next_event(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "telemetry", "an event was expected: {message}");
        message
    }

    /// Reads one event's metric `n`.
    pub async fn next_number(&mut self) -> u64 {
        let event = self.next_event().await;
        event["metrics"]["n"].as_u64().unwrap_or_else(|| panic!("no number: {event}"))
    }

    /// Reads events whose metric `n` must be those numbers, in order.
    pub async fn expect_numbers(&mut self, numbers: std::ops::Range<u64>) {
        for n in numbers {
            assert_eq!(self.next_number().await, n);
        }
    }

    /// Sends one text message.
    pub async fn send(&mut self, text: impl Into<Utf8Bytes>) {
        self.send_frame(Message::Text(text.into())).await;
    }

    /// Sends one message of any kind.
    pub async fn send_frame(&mut self, message: Message) {
        within("room to send", self.stream.send(message)).await.expect("the stream is open");
    }

    /// Sends a message without insisting that the peer still reads: false once it does not.
    pub async fn try_send(&mut self, text: &str) -> bool {
        within("room to send", self.stream.send(Message::Text(text.into()))).await.is_ok()
    }

    /// Sends an action and reads its answer, passing over events.
    pub async fn ask(&mut self, action: Value) -> Value {
        self.send(action.to_string()).await;
        loop {
            let message = self.next().await;
            if message["type"] != "telemetry" {
                return message;
            }
        }
    }

    /// Reads to the end, whatever comes, and tells how the stream was closed.
    pub async fn close_code(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.message().await {
                return closed;
            }
        }
    }

    /// Closes as RFC 6455 says, and waits for the answer.
    pub async fn close(mut self) {
        within("room to send", self.stream.close(None)).await.expect("the stream is open");
        let (code, _) = self.close_code().await;
        assert!(code == 1000 || code == 1005, "a close is answered with a close, not {code}");
    }
}

/// Whether it is what the gateway sends after some silence.
fn is_ping(message: &str) -> bool {
    message.starts_with(r#"{"type":"ping""#)
}

impl fmt::Debug for Ws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ws").field("connected", &self.connected).finish_non_exhaustive()
    }
}
