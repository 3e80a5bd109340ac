//! Reading the messages that the store keeps, up to the mark.
//!
//! Invariant: nothing takes effect before the end, and then everything at once. A topic whose message is refused keeps
//! what it had; one that did not come is deleted, but only if the mark did come.

use std::collections::BTreeSet;
use std::time::Instant;

use super::config::Config;
use super::documents::{Document, Documents, Exceeded};
use super::publish_probe::{PublishProbes, RequestKind};
use super::store::{StoreReady, StoreRequest, publish};
use super::topic::{self, Key};

/// The next step: a request to send, or an answer to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Subscribe,
    Granted,
    Mark,
    Wait,
}

#[derive(Debug)]
pub(super) struct InitialSync {
    pub(super) step: Step,
    /// The payload of the mark.
    pub(super) nonce: String,
    /// When a document last came, or a step was taken.
    pub(super) quiet_since: Instant,
    incoming: Documents,
    /// Documents in force whose message was refused.
    pub(super) refused: BTreeSet<Key>,
}

impl InitialSync {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            step: Step::Subscribe,
            nonce: format!("{:016x}", fastrand::u64(..)),
            quiet_since: now,
            incoming: Documents::default(),
            refused: BTreeSet::new(),
        }
    }

    /// The next request of `node`, if one is due.
    pub(super) fn next_request(
        &mut self,
        node: &str,
        probes: &mut PublishProbes,
        ready: StoreReady,
    ) -> Option<(RequestKind, StoreRequest)> {
        match self.step {
            Step::Subscribe if ready.subscribe => {
                probes.follow.tries();
                self.step = Step::Granted;
                Some((RequestKind::Subscribe, StoreRequest::Follow(topic::ALL)))
            }
            Step::Mark if ready.publish && probes.mark.may_try() => {
                probes.mark.tries();
                self.step = Step::Wait;
                let (topic, nonce) = (topic::sync(node), self.nonce.clone().into_bytes());
                Some((RequestKind::Mark, publish(topic, nonce, false, None)))
            }
            _ => None,
        }
    }

    /// Why it does not go on, unless an earlier `reason` explains it.
    pub(super) fn silence(&self, probes: &PublishProbes, reason: Option<&str>) -> String {
        let found = match self.step {
            Step::Subscribe | Step::Granted => "the subscription was not answered in time",
            _ if probes.mark.may_try() => "the mark that was published has not come back",
            _ => reason.unwrap_or("the broker ends the connection when something is published there"),
        };
        found.to_owned()
    }

    pub(super) fn take(&mut self, key: &Key, document: Option<Document>, config: &Config) -> Result<(), Exceeded> {
        match document {
            Some(document) => self.incoming.put(key, document, config)?,
            None => self.incoming.remove(key),
        }
        self.refused.remove(key);
        Ok(())
    }

    /// All that is there, now that the mark has come.
    pub(super) fn whole(mut self, old: &Documents, config: &Config) -> Documents {
        for key in &self.refused {
            // One that came right before it was refused stands.
            if let (None, Some(document)) = (self.incoming.get(key), old.get(key)) {
                // What has no room is left out: the newer documents are the better ones.
                let _ = self.incoming.put(key, document, config);
            }
        }
        self.incoming
    }

    /// What came, over what was there.
    pub(super) fn partial(self, old: &Documents, config: &Config) -> Documents {
        let mut merged = old.clone();
        for (key, document) in self.incoming.all() {
            let _ = merged.put(&key, document, config);
        }
        merged
    }
}
