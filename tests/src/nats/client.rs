//! A NATS client of a few lines, over the text protocol.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::topic;
use crate::wait::within;

/// Where answers come.
const INBOX: &str = "_INBOX.test";

/// A connection to one node.
#[derive(Debug)]
pub struct NatsClient {
    stream: BufReader<TcpStream>,
}

impl NatsClient {
    /// Connects to the node with this port on loopback.
    ///
    /// # Panics
    /// If it does not let us in.
    pub async fn connect(port: u16) -> Self {
        let stream = within("NATS", TcpStream::connect(("127.0.0.1", port))).await.expect("a connection");
        let mut client = Self { stream: BufReader::new(stream) };
        assert!(client.line().await.starts_with("INFO "), "a NATS server begins with INFO");
        let hello = json!({"verbose": false, "headers": true, "no_responders": true});
        client.send(&format!("CONNECT {hello}\r\nSUB {INBOX} 1\r\nPING\r\n")).await;
        let answer = client.line().await;
        assert_eq!(answer, "PONG");
        client
    }

    /// Publishes a device's telemetry on the subject that its topic is, and waits until the stream has it.
    pub async fn telemetry(&mut self, tenant: &str, device: &str, payload: &str) {
        let subject = topic(tenant, device).replace('/', ".");
        let acknowledgement = self.ask(&subject, payload).await;
        assert!(acknowledgement["seq"].is_u64(), "{subject}: {acknowledgement}");
    }

    /// Publishes `{"metrics":{"n":n}}` for each number, each after the stream has the one before.
    pub async fn count(&mut self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.telemetry(tenant, device, &format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
        }
    }

    /// Calls JetStream, such as `STREAM.INFO.floodway`.
    ///
    /// # Panics
    /// If it refuses.
    pub async fn call(&mut self, call: &str, body: Value) -> Value {
        let answer = self.ask(&format!("$JS.API.{call}"), &body.to_string()).await;
        assert!(answer.get("error").is_none(), "{call}: {answer}");
        answer
    }

    /// Sends a message and reads the answer to it; null if nobody answers.
    async fn ask(&mut self, subject: &str, payload: &str) -> Value {
        self.send(&format!("PUB {subject} {INBOX} {}\r\n{payload}\r\n", payload.len())).await;
        loop {
            let line = self.line().await;
            let kind = line.split(' ').next().unwrap_or_default();
            match kind {
                "PING" => self.send("PONG\r\n").await,
                "INFO" => {}
                "MSG" | "HMSG" => {
                    let size = line.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
                    let mut bytes = vec![0; size.expect("a size") + "\r\n".len()];
                    within("an answer", self.stream.read_exact(&mut bytes)).await.expect("an answer");
                    return serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                }
                _ => panic!("{subject}: {line}"),
            }
        }
    }

    async fn send(&mut self, text: &str) {
        within("room", self.stream.write_all(text.as_bytes())).await.expect("the node lives");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        within("a line", self.stream.read_line(&mut line)).await.expect("the node lives");
        line.trim_end().to_owned()
    }
}
