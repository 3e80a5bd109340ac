//! The connection that listens.
//!
//! It runs no query but the sign of life, since notifications come only between queries. Invariant: nothing is lost when a wait
//! is cancelled; whatever was heard stands in it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Connection, Error, SimpleQueryMessage, SimpleQueryRow, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{self, Asked};
use crate::feed::FeedError;
use crate::source::Attempt;

/// Notifications that are handed over at once.
const BATCH: usize = 512;

/// A connection, which moves only while it is polled.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

type Answer = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Hears notifications.
pub(super) struct Listener {
    client: Arc<Client>,
    wire: Wire,
    keep_alive: Duration,
    /// What was heard and not handed over yet.
    heard: Vec<String>,
    /// Why nothing more will be heard.
    ended: Option<FeedError>,
    /// Until the server is to give a sign of life, or has to have given it.
    patience: Pin<Box<Sleep>>,
    /// The answer to the question for it.
    answer: Option<Answer>,
}

impl Listener {
    pub(super) fn new(client: Client, wire: Wire, keep_alive: Duration) -> Self {
        Self {
            client: Arc::new(client),
            wire,
            keep_alive,
            heard: Vec::new(),
            ended: None,
            patience: Box::pin(sleep(keep_alive)),
            answer: None,
        }
    }

    /// Listens to this channel, given as an identifier, and returns the row of the `select` that follows.
    pub(super) async fn listen(&mut self, channel: &str, select: &str) -> Result<SimpleQueryRow, FeedError> {
        let client = Arc::clone(&self.client);
        let text = format!("listen {channel}; {select}");
        let mut rows = std::pin::pin!(client.simple_query(&text));
        let rows = poll_fn(|cx| {
            // Notifications may come before the answer is complete.
            let end = self.take_in(cx, usize::MAX);
            match rows.as_mut().poll(cx) {
                Poll::Pending if end.is_ready() => Poll::Ready(None),
                rows => rows.map(Some),
            }
        });
        let rows = rows.await.ok_or_else(|| self.end())?;
        let rows = rows.map_err(|error| error::in_words(Asked::Listening, &error))?;
        let row = rows.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        row.ok_or_else(|| FeedError { result: Attempt::Malformed, text: "it answers a query without a row".to_owned() })
    }

    /// Waits for notifications: the texts of those that are there. May be cancelled.
    pub(super) async fn hear(&mut self) -> Result<Vec<String>, FeedError> {
        poll_fn(|cx| self.poll_hear(cx)).await
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<String>, FeedError>> {
        let end = self.take_in(cx, BATCH);
        if !self.heard.is_empty() {
            self.is_alive();
            return Poll::Ready(Ok(std::mem::take(&mut self.heard)));
        }
        if end.is_ready() {
            return Poll::Ready(Err(self.end()));
        }
        self.poll_patience(cx).map(Err)
    }

    /// Takes in what has come, up to so many notifications, and sends what is to be sent. Ready once nothing more will come.
    fn take_in(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<()> {
        if self.ended.is_some() {
            return Poll::Ready(());
        }
        while self.heard.len() < most {
            match ready!(self.wire.poll_message(cx)) {
                Some(Ok(AsyncMessage::Notification(said))) => self.heard.push(said.payload().to_owned()),
                Some(Ok(AsyncMessage::Notice(notice))) => tracing::debug!(%notice, "the database says"),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.ended = Some(error::in_words(Asked::Listening, &error));
                    return Poll::Ready(());
                }
                None => {
                    self.ended =
                        Some(FeedError { result: Attempt::Broken, text: "it closed the connection".to_owned() });
                    return Poll::Ready(());
                }
            }
        }
        // There may be more, of which nobody would wake us.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&self) -> FeedError {
        self.ended.clone().expect("asked for once it has ended")
    }

    fn is_alive(&mut self) {
        self.answer = None;
        self.patience.as_mut().reset(Instant::now() + self.keep_alive);
    }

    /// Asks for a sign of life after some silence. Ready if it does not come.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<FeedError> {
        loop {
            if let Some(answer) = &mut self.answer
                && let Poll::Ready(answer) = answer.as_mut().poll(cx)
            {
                match answer {
                    Ok(()) => self.is_alive(),
                    Err(error) => return Poll::Ready(error::in_words(Asked::Listening, &error)),
                }
            }
            ready!(self.patience.as_mut().poll(cx));
            if self.answer.is_some() {
                return Poll::Ready(error::silent(self.keep_alive));
            }
            let client = Arc::clone(&self.client);
            self.answer = Some(Box::pin(async move { client.check_connection().await }));
            self.patience.as_mut().reset(Instant::now() + self.keep_alive);
        }
    }
}
