//! Writes of documents that were requested.
//!
//! Invariants: every order is answered once, by its deadline at the latest; one whose caller is gone or whose deadline
//! has passed is not sent any more. An order is done when it was acknowledged *and* its copy has come.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::oneshot;

use super::documents::{Document, Exceeded};
use super::payload::Invalid;
use super::topic::Key;

/// Orders that wait or are under way.
const WRITES: usize = 64;

/// Why a write was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There is no store, or it does not let us; nothing has changed. Or the store did not confirm what it was sent, and
    /// the text says so: it may then still take effect, whole.
    #[error("{0}")]
    Unavailable(String),
    /// The store has refused it; nothing has changed.
    #[error("the control store refuses it: {0}")]
    Refused(String),
    /// There is no such document to delete.
    #[error("there is none")]
    NotFound,
    /// A field is wrong; nothing has changed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A bound is reached; nothing has changed.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// One document to be written or deleted.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) key: Key,
    /// `None` deletes.
    pub(super) document: Option<Document>,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<(), WriteError>>,
}

impl Order {
    pub(super) fn fail(self, error: WriteError) {
        // The caller may be gone.
        let _ = self.reply.send(Err(error));
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        self.document.as_ref().map(Document::to_json).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Sent {
    order: Order,
    number: u64,
    payload: Vec<u8>,
    is_acknowledged: bool,
    /// What became of its copy.
    copied: Option<Result<(), WriteError>>,
}

#[derive(Debug, Default)]
pub(super) struct Writes {
    queued: VecDeque<Order>,
    sent: Vec<Sent>,
    /// The number of the order that was sent last.
    last: u64,
}

impl Writes {
    pub(super) fn is_full(&self) -> bool {
        self.queued.len() + self.sent.len() >= WRITES
    }

    pub(super) fn push(&mut self, order: Order) {
        self.queued.push_back(order);
    }

    /// The order to publish next: its number, topic and payload. It is under way from then on.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u64, String, Vec<u8>)> {
        while let Some(order) = self.queued.pop_front() {
            if order.reply.is_closed() || now >= order.deadline {
                order.fail(WriteError::Unavailable("not sent in time".to_owned()));
                continue;
            }
            let (topic, payload) = (order.key.topic(), order.payload());
            self.last += 1;
            let (number, payload_sent) = (self.last, payload.clone());
            self.sent
                .push(Sent { order, number, payload: payload_sent, is_acknowledged: false, copied: None });
            return Some((number, topic, payload));
        }
        None
    }

    /// The store has answered the order with this number, unless nobody waits for that any more.
    pub(super) fn answered(&mut self, number: u64, answer: Result<(), String>) {
        let Some(at) = self.sent.iter().position(|sent| sent.number == number) else {
            return;
        };
        match answer {
            Ok(()) => self.sent[at].is_acknowledged = true,
            Err(reason) => {
                self.sent.remove(at).order.fail(WriteError::Refused(reason));
            }
        }
    }

    /// A message has come. If it is the copy of an order that was sent, `outcome` is what became of that order.
    pub(super) fn copied(&mut self, key: &Key, payload: &[u8], outcome: &Result<(), WriteError>) {
        let is_copy = |sent: &&mut Sent| sent.copied.is_none() && sent.order.key == *key && sent.payload == payload;
        if let Some(sent) = self.sent.iter_mut().find(is_copy) {
            sent.copied = Some(outcome.clone());
        }
    }

    /// Answers the orders that are done.
    pub(super) fn finish(&mut self) {
        for sent in self.sent.extract_if(.., |sent| sent.is_acknowledged && sent.copied.is_some()) {
            let _ = sent.order.reply.send(sent.copied.expect("it was asked for above"));
        }
    }

    /// Fails the orders that were not done by their deadlines. Returns whether a copy was lost.
    pub(super) fn sweep(&mut self, now: Instant) -> bool {
        let mut is_any_lost = false;
        for sent in self.sent.extract_if(.., |sent| now >= sent.order.deadline) {
            is_any_lost |= sent.is_acknowledged;
            let reason = if sent.is_acknowledged {
                "its copy has not come back in time"
            } else {
                "the control store has not answered it in time"
            };
            sent.order.fail(unconfirmed(reason));
        }
        is_any_lost
    }

    pub(super) fn fail_all(&mut self, reason: &str) {
        for sent in self.sent.drain(..) {
            sent.order.fail(unconfirmed(reason));
        }
        self.fail_queued(reason);
    }

    pub(super) fn fail_queued(&mut self, reason: &str) {
        for order in self.queued.drain(..) {
            order.fail(WriteError::Unavailable(reason.to_owned()));
        }
    }
}

pub(super) fn unconfirmed(reason: &str) -> WriteError {
    WriteError::Unavailable(format!("{reason}; it was sent, and may take effect"))
}
