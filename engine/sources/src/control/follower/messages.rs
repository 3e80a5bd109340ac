//! What a message of the store does, by its kind.

use std::time::Instant;

use super::{Follower, Stage};
use crate::control::documents::Document;
use crate::control::topic::Key;
use crate::control::writes::WriteError;

impl Follower {
    pub(super) fn fleet(&mut self, node: &str, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        // A live copy of our own kept message shows whether the flag is passed on; before the mark it may be an old one.
        if node == self.node && !payload.is_empty() && matches!(self.stage, Stage::Following) {
            self.shows_retained = retain;
        }
        match self.fleet.received(node, payload, now) {
            Ok(()) => self.problems.clear(topic),
            Err(reason) => self.problems.add(topic, reason, now),
        }
    }

    pub(super) fn document(&mut self, key: &Key, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        if self.shows_retained && !retain {
            let reason = "is not retained: other gateways would not see it after a restart";
            return self.problems.add(topic, reason.to_owned(), now);
        }
        let taken = self.take(key, payload);
        match &taken {
            Ok(()) => self.problems.clear(topic),
            Err(error) => {
                self.problems.add(topic, error.to_string(), now);
                // A refusal matters only for a document in force, which it keeps.
                let stands = self.store.documents().get(key).is_some();
                if let Stage::InitialSync(sync) = &mut self.stage
                    && stands
                {
                    sync.refuse(key);
                }
            }
        }
        self.writes.copied(key, payload, &taken);
    }

    fn take(&mut self, key: &Key, payload: &[u8]) -> Result<(), WriteError> {
        let document = Document::parse(key, payload, &self.store.config)?;
        match &mut self.stage {
            Stage::InitialSync(sync) => Ok(sync.take(key, document, &self.store.config)?),
            _ => self.store.take(key, document),
        }
    }

    pub(super) fn reserved(&mut self, topic: &str, payload: &[u8], now: Instant) {
        match self.reservation.received(payload) {
            Ok(()) => self.problems.clear(topic),
            Err(reason) => self.problems.add(topic, reason, now),
        }
    }
}
