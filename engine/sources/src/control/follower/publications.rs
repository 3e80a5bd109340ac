//! What is published while everything is followed, by urgency: the ids that events wait for, then writes, then our status.

use std::time::Instant;

use super::Follower;
use crate::control::publish_probe::RequestKind;
use crate::control::store::{StoreRequest, publish};
use crate::control::topic;
use floodway_core::event::now_micros;

impl Follower {
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
