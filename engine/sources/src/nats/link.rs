//! What comes live.
//!
//! Invariants: each message of the stream comes once, in the order of its numbers; a consumer that left one out is made anew
//! behind the last that came. What can be mended in time is mended here, and nobody hears of it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep};

use super::error::{NatsError, text};
use super::open::{Followed, Messages};
use super::reader::Reader;
use super::subject::Topics;
use crate::feed::{FeedError, FeedLink, FeedMessage, Whose};

/// Messages that are handed over at once.
const TURN: usize = 500;

/// Between two attempts to have a consumer again.
const PAUSE: Duration = Duration::from_millis(200);

/// The messages of one stream, from a number on.
pub(crate) struct Link {
    followed: Arc<Followed>,
    state: State,
    /// The number of the last message that was handed over, or of that before the first.
    last: u64,
    topics: Topics,
}

enum State {
    /// `next` is the place in the consumer's own count of the message that is to come.
    Live {
        messages: Box<Messages>,
        next: u64,
    },
    Mending(Pin<Box<dyn Future<Output = Result<Messages, NatsError>> + Send>>),
}

/// Why a consumer can't be read on.
enum Lost {
    Missed,
    Ended(String),
}

impl Link {
    /// The messages above the number `last`.
    pub(super) async fn open(followed: Followed, last: u64) -> Result<Self, NatsError> {
        let messages = followed.messages_above(last).await?;
        Ok(Self {
            followed: Arc::new(followed),
            state: State::Live { messages: Box::new(messages), next: 1 },
            last,
            topics: Topics::default(),
        })
    }

    async fn messages(&mut self) -> Result<Vec<FeedMessage>, NatsError> {
        loop {
            match &mut self.state {
                State::Mending(mended) => {
                    let messages = Box::new(mended.as_mut().await?);
                    self.state = State::Live { messages, next: 1 };
                }
                State::Live { .. } => {
                    let mut taken = Vec::new();
                    if let Err(lost) = self.take(&mut taken).await {
                        self.mend(&lost);
                    }
                    if !taken.is_empty() {
                        return Ok(taken);
                    }
                }
            }
        }
    }

    /// Waits for messages, and takes all that are there.
    async fn take(&mut self, taken: &mut Vec<FeedMessage>) -> Result<(), Lost> {
        let Self { state: State::Live { messages, next }, last, topics, .. } = self else {
            return Ok(());
        };
        let mut item = messages.next().await;
        loop {
            let message = match item {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(Lost::Ended(text(&error.to_string()))),
                None => return Err(Lost::Ended("it ended".to_owned())),
            };
            taken.extend(in_order(message, last, next, topics)?);
            if taken.len() >= TURN {
                return Ok(());
            }
            match messages.next().now_or_never() {
                Some(more) => item = more,
                None => return Ok(()),
            }
        }
    }

    fn mend(&mut self, lost: &Lost) {
        let why = match lost {
            Lost::Missed => "it left out a message",
            Lost::Ended(why) => why,
        };
        tracing::info!(
            stream = self.followed.stream,
            after = self.last,
            why,
            "the consumer was lost, and is made anew"
        );
        self.state = State::Mending(Box::pin(mended(Arc::clone(&self.followed), self.last)));
    }
}

impl FeedLink for Link {
    type Reader = Reader;

    async fn next(&mut self) -> Result<Vec<FeedMessage>, FeedError> {
        Ok(self.messages().await?)
    }

    fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.followed))
    }
}

/// A message, if it has not come before.
fn in_order(
    message: Message,
    last: &mut u64,
    next: &mut u64,
    topics: &mut Topics,
) -> Result<Option<FeedMessage>, Lost> {
    let info = message.info().map_err(|error| Lost::Ended(text(&error.to_string())))?;
    let (number, place) = (info.stream_sequence, info.consumer_sequence);
    // A new leader of the consumer may begin some messages back.
    if number <= *last {
        *next = place + 1;
        return Ok(None);
    }
    // What was on its way over a connection that broke counts as delivered. Numbers may have holes, places have none.
    if place != *next {
        return Err(Lost::Missed);
    }
    *next = place + 1;
    *last = number;
    let whose = Whose::Topic(topics.of(&message.subject));
    Ok(Some(FeedMessage { number, whose, payload: message.message.payload }))
}

/// Has a consumer made anew behind `last`, tried again for as long as may be.
async fn mended(followed: Arc<Followed>, last: u64) -> Result<Messages, NatsError> {
    let until = Instant::now() + followed.repair;
    loop {
        let error = match again(&followed, last).await {
            Ok(messages) => return Ok(messages),
            Err(error) => error,
        };
        if error.is_final() || Instant::now() >= until {
            return Err(error);
        }
        // A server that does not answer may be gone without a word.
        if matches!(error, NatsError::Timeout { .. }) && followed.connection.is_connected() {
            // It fails only if the connection was given up, which the next attempt will notice.
            let _ = followed.connection.client.force_reconnect().await;
        }
        sleep(PAUSE).await;
    }
}

async fn again(followed: &Followed, last: u64) -> Result<Messages, NatsError> {
    let state = followed.state().await?;
    if state.last_seq < last || state.first_seq > last + 1 {
        let (first, newest) = (state.first_seq, state.last_seq);
        return Err(NatsError::Truncated { stream: followed.stream.clone(), last, first, newest });
    }
    followed.messages_above(last).await
}
