//! What a message of the store does, and what is published, by its kind.

use std::time::Instant;

use super::{Follower, Stage};
use crate::control::documents::Document;
use crate::control::publish_probe::RequestKind;
use crate::control::store::{StoreRequest, publish};
use crate::control::topic::{self, Key};
use crate::control::writes::WriteError;
use floodway_core::event::now_micros;

impl Follower {
    pub(super) fn fleet(&mut self, node: &str, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        // A live copy of our own kept message shows whether the flag is passed on; before the mark it may be an old one.
        if node == self.node && !payload.is_empty() && matches!(self.stage, Stage::Following) {
            self.shows_retained = retain;
        }
        self.problems.note(topic, self.fleet.received(node, payload, now), now);
    }

    pub(super) fn document(&mut self, key: &Key, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        if self.shows_retained && !retain {
            let reason = "is not retained: other gateways would not see it after a restart";
            return self.problems.add(topic, reason.to_owned(), now);
        }
        let taken = self.take(key, payload);
        // A refusal matters only for a document in force, which it keeps.
        if let (Err(_), Stage::InitialSync(sync)) = (&taken, &mut self.stage)
            && self.store.documents.get(key).is_some()
        {
            sync.refused.insert(key.clone());
        }
        self.problems.note(topic, taken.clone().map_err(|error| error.to_string()), now);
        self.writes.copied(key, payload, &taken);
    }

    fn take(&mut self, key: &Key, payload: &[u8]) -> Result<(), WriteError> {
        let document = Document::parse(key, payload, &self.store.config)?;
        match &mut self.stage {
            Stage::InitialSync(sync) => Ok(sync.take(key, document, &self.store.config)?),
            _ => self.store.take(key, document),
        }
    }

    /// What to publish while everything is followed, by urgency: the ids that events wait for, then writes, then our status.
    pub(super) fn publication(&mut self, now: Instant) -> Option<(RequestKind, StoreRequest)> {
        if let Some(payload) = self.reservation.next(now_micros(), now) {
            return Some((RequestKind::Reserve, publish(topic::RESERVED.to_owned(), payload, true, None)));
        }
        if let Some((number, topic, payload)) = self.writes.next(now) {
            return Some((RequestKind::Write(number), publish(topic, payload, true, None)));
        }
        if !self.probes.status.may_try() {
            return None;
        }
        let status = self.shared.own.load_full()?;
        let (topic, expiry) = (topic::fleet(&self.node), self.fleet.expiry_seconds());
        let payload = self.fleet.announcement(&status, &topic, self.facts, now)?;
        self.probes.status.tries();
        Some((RequestKind::Status, publish(topic, payload, true, Some(expiry))))
    }
}
