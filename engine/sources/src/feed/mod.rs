//! Sources that bring the events of every tenant over one connection, and may number them and give them back: a database
//! that notifies, a durable log.
//!
//! [`Feed`] is what such a source has to offer, and all that it has to know: it connects, brings messages in order, and reads
//! a tenant's older ones. What tenants, streams and history are owed of that is the same for all of them, and stands here.

mod reading;
mod source;
mod tenants;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use source::FeedSource;

use crate::router::{RawMessage, Topics};
use crate::source::Attempt;
use floodway_protocol::names::TenantId;

/// A source of every tenant's events.
pub(crate) trait Feed: Send + 'static {
    /// One connection.
    type Link: FeedLink;

    /// What kind of source it is, in one word.
    fn kind(&self) -> &'static str;

    /// Where it may connect to, tried in turn, without credentials.
    fn endpoints(&self) -> Vec<String>;

    /// The longest pause between two attempts to connect.
    fn backoff_max(&self) -> Duration;

    /// Whether its messages carry numbers that grow along the feed, and can be read again by them.
    fn is_numbered(&self) -> bool;

    /// Whether its payloads always are of the default form, whatever `payload.*` says.
    fn has_usual_payloads(&self) -> bool {
        false
    }

    /// Whether it takes every name literally ([`floodway_protocol::names::is_wild`]).
    fn takes_wild_names(&self) -> bool {
        true
    }

    /// Connects to the endpoint of this number, within a time of its own. On the link come all messages behind the number
    /// `after`, or without one those from now on.
    fn open(
        &mut self,
        endpoint: usize,
        after: Option<u64>,
    ) -> impl Future<Output = Result<Opened<Self::Link>, FeedError>> + Send;
}

/// A connection that was made.
pub(crate) struct Opened<L> {
    pub(crate) link: L,
    /// Messages above this number come on it; those up to it can be read if they are still there. 0 without numbers.
    pub(crate) behind: u64,
    /// Some between the number that was asked for and the first that comes may be missing: they are not there any more, or
    /// the numbers are of another feed now. Without numbers always true but for the first link.
    pub(crate) has_lost: bool,
}

/// One connection of a [`Feed`].
pub(crate) trait FeedLink: Send {
    type Reader: FeedReader;

    /// Waits for the next messages, in their order: all that are there, but not so many that they would hold up others
    /// (some hundred). May be cancelled: nothing is lost, and the next call goes on. After an error the link is of no use.
    fn next(&mut self) -> impl Future<Output = Result<Vec<FeedMessage>, FeedError>> + Send;

    /// Reads older messages beside it.
    fn reader(&self) -> Self::Reader;
}

/// Reads older messages of a numbered feed, beside what comes live.
pub(crate) trait FeedReader: Clone + Send + Sync + 'static {
    /// The first messages of this tenant above the number `after` and up to `until`, at most `most`, in their order.
    fn read(
        &self,
        tenant: &TenantId,
        after: u64,
        until: u64,
        most: usize,
    ) -> impl Future<Output = Result<Page, FeedError>> + Send;
}

/// Older messages of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) messages: Vec<FeedMessage>,
    /// Below this number nothing is kept any more; 0 if that can't be told.
    pub(crate) kept_from: u64,
    /// There are no more up to `until`.
    pub(crate) is_last: bool,
}

/// A message as a feed brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedMessage {
    /// Its number; 0 in a feed without.
    pub(crate) number: u64,
    pub(crate) whose: Whose,
    /// The JSON that a device would have published.
    pub(crate) payload: Bytes,
}

impl FeedMessage {
    /// The message as the router takes it; none if it is nobody's. What it needs for a topic is put into `topic`.
    fn raw<'a>(&'a self, topics: &'a Topics, topic: &'a mut String) -> Option<RawMessage<'a>> {
        match &self.whose {
            Whose::Topic(topic) => Some(RawMessage::new(topics, topic.as_bytes(), &self.payload)),
            Whose::Device(tenant, device) => {
                *topic = topics.topic_of(tenant, device);
                Some(RawMessage::of(tenant, device, topic, &self.payload))
            }
            Whose::Nobody(_) => None,
        }
    }
}

/// Whose a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// As its MQTT topic says.
    Topic(Arc<str>),
    /// A tenant's device, named in the message. The event's topic is made of these.
    Device(Box<str>, Box<str>),
    /// Nobody's, since it is no message, for this reason: it is only counted and named in the log. Its number does not count.
    Nobody(&'static str),
}

/// Why there is no link (any more), or something could not be read: in words, with the setting to look at.
#[derive(Clone, Debug)]
pub(crate) struct FeedError {
    pub(crate) result: Attempt,
    pub(crate) text: String,
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
