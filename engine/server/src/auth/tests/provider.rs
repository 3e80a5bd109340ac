//! An identity provider for tests, and verifiers that fetch their keys from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::auth::jwks::Pace;

/// Quick, so that a test sees what takes minutes in production.
pub(super) const QUICK: Pace = Pace {
    refresh: Duration::from_secs(3600),
    pause: Duration::from_millis(20),
    timeout: Duration::from_secs(5),
    waiting: 10,
};

/// An identity provider that gives one answer to everyone.
pub(super) struct Provider {
    pub(super) url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    fetches: Arc<AtomicUsize>,
}

impl Provider {
    pub(super) async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/keys?v=1", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new(answer.into()));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&fetches));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = answers.lock().unwrap().clone();
                serve(stream, &answer).await;
            }
        });
        Self { url, answer, fetches }
    }

    /// A verifier that has fetched its first keys.
    pub(super) async fn verifier(&self) -> Verifier {
        self.verifier_at(QUICK).await
    }

    pub(super) async fn verifier_at(&self, pace: Pace) -> Verifier {
        let verifier = self.unready(pace);
        let ready = tokio::time::timeout(Duration::from_secs(10), verifier.ready());
        ready.await.expect("the keys come");
        verifier
    }

    pub(super) fn unready(&self, pace: Pace) -> Verifier {
        Verifier::start_set(&Config::default(), &self.url, pace).expect("a good URL")
    }

    pub(super) fn now_answers(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

/// Reads the request's head and answers. An empty answer is none: the stream is held.
async fn serve(mut stream: TcpStream, answer: &[u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    assert!(head.starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"));
    if answer.is_empty() {
        tokio::spawn(async move { stream.read_u8().await });
        return;
    }
    // The client may hang up before it has read all of an answer that is too large.
    _ = stream.write_all(answer).await;
}

pub(super) fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A good answer with these keys.
pub(super) fn set(keys: &[String]) -> String {
    answer("200 OK", &format!("{{\"keys\":[{}]}}", keys.join(",")))
}
