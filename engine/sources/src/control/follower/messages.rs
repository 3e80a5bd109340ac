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
                let stands = self.store.documents.get(key).is_some();
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

    /// What to publish while everything is followed, by urgency: the ids that events wait for, then writes, then our status.
    pub(super) fn publication(&mut self, now: Instant) -> Option<(RequestKind, StoreRequest)> {
        self.reserve(now).or_else(|| self.write(now)).or_else(|| self.announcement(now))
    }

    fn reserve(&mut self, now: Instant) -> Option<(RequestKind, StoreRequest)> {
        let payload = self.reservation.next(now_micros(), now)?;
        let request = publish(topic::reserved(), payload, true, None);
        Some((RequestKind::Reserve, request))
    }

    fn write(&mut self, now: Instant) -> Option<(RequestKind, StoreRequest)> {
        let (number, topic, payload) = self.writes.next(now)?;
        Some((RequestKind::Write(number), publish(topic, payload, true, None)))
    }

    fn announcement(&mut self, now: Instant) -> Option<(RequestKind, StoreRequest)> {
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
