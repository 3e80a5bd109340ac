//! Older messages of one tenant, by direct reads of the stream.
//!
//! Invariant: a page is complete. Any replica may answer, and may lag; so that there is no more is believed only of the leader.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::connection::API;
use super::error::{NatsError, text};
use super::open::Followed;
use super::subject::topic_of;
use crate::feed::{FeedError, FeedMessage, FeedReader, Page, Whose};
use floodway_protocol::names::TenantId;

/// Between two looks whether a replica has what the leader has.
const LAG: Duration = Duration::from_millis(20);

/// JetStream's code for a message that is not there.
const NO_MESSAGE: u64 = 10_037;

/// The statuses of answers to a direct read; END_OF_BATCH stands behind the last message of a batch.
const MESSAGE: u16 = 200;
const NO_RESPONDERS: u16 = 503;
const END_OF_BATCH: u16 = 204;
const NOTHING_FOUND: u16 = 404;

/// A message that the leader has found.
#[derive(Debug, Deserialize)]
struct Found {
    message: FoundMessage,
}

#[derive(Debug, Deserialize)]
struct FoundMessage {
    seq: u64,
}

/// Reads a stream beside what comes live.
#[derive(Clone, Debug)]
pub(crate) struct Reader(pub(super) Arc<Followed>);

/// What one range of numbers holds for one subject.
#[derive(Debug, Default)]
struct Part {
    messages: Vec<FeedMessage>,
    /// All messages up to this number are among them.
    up_to: u64,
}

impl FeedReader for Reader {
    async fn read(&self, tenant: &TenantId, after: u64, until: u64, most: usize) -> Result<Page, FeedError> {
        Ok(self.page(tenant, after, until, most).await?)
    }
}

impl Reader {
    async fn page(&self, tenant: &TenantId, after: u64, until: u64, most: usize) -> Result<Page, NatsError> {
        let mut messages = Vec::new();
        let mut up_to = until;
        for subject in self.0.subjects_of(tenant) {
            let part = self.part(&subject, after, until, most).await?;
            up_to = up_to.min(part.up_to);
            messages.extend(part.messages);
        }
        messages.sort_unstable_by_key(|message| message.number);
        messages.retain(|message| message.number <= up_to);
        let is_last = up_to == until && messages.len() <= most;
        messages.truncate(most);
        // Asked last: what was dropped while the messages were read counts as missing.
        let kept_from = self.0.state().await?.first_seq;
        Ok(Page { messages, kept_from, is_last })
    }

    async fn part(&self, subject: &str, after: u64, until: u64, most: usize) -> Result<Part, NatsError> {
        let mut part = Part { messages: Vec::new(), up_to: after };
        let patience = Instant::now() + self.0.request_timeout;
        while part.up_to < until {
            let wanted = most - part.messages.len();
            if wanted == 0 {
                return Ok(part);
            }
            let is_all = self.batch(subject, wanted, &mut part).await?;
            if !is_all || part.up_to >= until || part.messages.len() == most {
                continue;
            }
            match self.next_at_leader(subject, part.up_to + 1).await? {
                Some(number) if number <= until && Instant::now() < patience => sleep(LAG).await,
                Some(number) if number <= until => return Err(NatsError::Lagging(self.0.stream.clone())),
                _ => part.up_to = until,
            }
        }
        part.messages.retain(|message| message.number <= until);
        part.up_to = until;
        Ok(part)
    }

    /// Reads the next messages behind `part`, at most `wanted`, as some replica has them. Returns whether it has no more.
    async fn batch(&self, subject: &str, wanted: usize, part: &mut Part) -> Result<bool, NatsError> {
        let connection = &self.0.connection;
        let call = format!("DIRECT.GET.{}", self.0.stream);
        let body = json!({
            "seq": part.up_to + 1,
            "next_by_subj": subject,
            "batch": wanted,
            "max_bytes": self.0.batch_bytes,
        });
        let broken = |error: String| NatsError::Broken(error);
        let inbox = connection.client.new_inbox();
        let answers = connection.client.subscribe(inbox.clone()).await;
        let mut answers = answers.map_err(|error| broken(error.to_string()))?;
        let body = body.to_string().into_bytes();
        let sent = connection.client.publish_with_reply(format!("{API}.{call}"), inbox, body.into()).await;
        sent.map_err(|error| broken(error.to_string()))?;
        loop {
            let answer = self.answer(&call, &mut answers).await?;
            match answer.status.map_or(MESSAGE, |status| status.as_u16()) {
                MESSAGE => {
                    let message = message(&answer)?;
                    part.up_to = message.number;
                    part.messages.push(message);
                }
                END_OF_BATCH => return Ok(number(&answer, "Nats-Num-Pending")? == 0),
                NOTHING_FOUND => return Ok(true),
                NO_RESPONDERS => return Err(NatsError::NoDirect(self.0.stream.clone())),
                code => {
                    let text = text(&answer.description.unwrap_or_default());
                    return Err(NatsError::Refused { call, code: code.into(), text });
                }
            }
        }
    }

    async fn answer(&self, call: &str, answers: &mut Subscriber) -> Result<Message, NatsError> {
        let answer = self.0.connection.bounded(call, answers.next()).await?;
        answer.ok_or_else(|| NatsError::Broken("the connection was closed".to_owned()))
    }

    /// The number of the next message at or above `number`, as the leader has it.
    async fn next_at_leader(&self, subject: &str, number: u64) -> Result<Option<u64>, NatsError> {
        let call = format!("STREAM.MSG.GET.{}", self.0.stream);
        let body = json!({"seq": number, "next_by_subj": subject});
        match self.0.connection.ask::<Found>(&call, &body).await {
            Ok(found) => Ok(Some(found.message.seq)),
            Err(NatsError::Refused { code: NO_MESSAGE, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn message(answer: &Message) -> Result<FeedMessage, NatsError> {
    let subject = header(answer, "Nats-Subject")?;
    let number = number(answer, "Nats-Sequence")?;
    Ok(FeedMessage {
        number,
        whose: Whose::Topic(topic_of(subject).into()),
        payload: answer.payload.clone(),
    })
}

fn number(answer: &Message, name: &str) -> Result<u64, NatsError> {
    let value = header(answer, name)?;
    value.parse().map_err(|_| NatsError::Malformed(format!("{name} is no number")))
}

fn header<'a>(answer: &'a Message, name: &str) -> Result<&'a str, NatsError> {
    let value = answer.headers.as_ref().and_then(|headers: &HeaderMap| headers.get(name));
    value
        .map(|value| value.as_str())
        .ok_or_else(|| NatsError::Malformed(format!("an answer without {name}")))
}
