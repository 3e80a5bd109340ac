//! The coming and going of a shard's subscribers.
//!
//! Invariant: a live subscriber has one permit and one cohort; one that leaves has given both back, is still
//! sent why, and is removed when it has read that, or when its time is over.

use std::io;
use std::time::{Duration, SystemTime};

use super::keys::SubscriberKey;
use super::metrics::GapCounts;
use super::options::Resume;
use super::outgoing::SubscriptionKey;
use super::outlet::Outlet;
use super::registry::{Attention, Live, NewSubscriber, Output, Phase, Subscriber, SubscriberInfo};
use super::replay::Beginning;
use super::state::State;
use crate::index::{AuditKind, OwnCounters};
use floodway_protocol::messages::notice::{Connected, LAST_SECOND};
use floodway_protocol::session::Session;
use floodway_protocol::{End, EventId};

impl State {
    /// Makes `new_subscriber` a subscriber: every event after this moment that it wants is its own.
    pub(super) fn attach(&mut self, new_subscriber: NewSubscriber) -> io::Result<()> {
        let NewSubscriber {
            mut outlet,
            encoding,
            filter,
            permit,
            client,
            expires_at,
            resume,
            backlog,
            options,
            head,
            mut early,
        } = new_subscriber;
        let is_pipe = matches!(outlet, Outlet::Pipe(_));
        let (key, generation) = self.registry.watch(&mut outlet)?;
        let credit = permit.tenant().limits().client_messages_per_second;
        let subscription = SubscriptionKey { filter, encoding, pace: options.max_rate };
        let (position, declared) = self.matcher.join(key, permit.tenant(), subscription);
        let mut beginning =
            self.beginning(permit.tenant(), self.matcher.filter(position.cohort), (resume, backlog.as_ref()), declared);
        let matched = self.matcher.tenant(position.cohort.tenant).newest;
        let has_snapshot = options.snapshot == Some(true) && (resume == Resume::FromNow || beginning.gap.is_some());
        if has_snapshot {
            // Then comes what is not in the snapshot.
            beginning.behind = beginning.behind.min(matched);
        }
        let client = client.sharing_user_agent(|text| self.registry.user_agents.share(text));
        let counters = OwnCounters::clone(&self.matcher.tenant(position.cohort.tenant).counters);
        let streams = &self.delivery.metrics.streams;
        streams.count_opened(encoding, client.transport, &counters);
        let id = self.registry.live.enter(key);
        permit.journal().note(|| AuditKind::Connected {
            id,
            tenant: permit.tenant().id().clone(),
            client: client.clone(),
        });
        let now = self.delivery.clock.tenths();
        self.registry.insert(Subscriber {
            outlet,
            ring: None,
            after: beginning.behind.max(matched),
            output: Output { events: 0, bytes: 0, last_write: now, encoding, gaps: 0 },
            phase: Phase::Live(Live { permit, position, expires_at }),
            session: Session::default(),
            info: SubscriberInfo { id, client, options, counters, since: now, generation, dropped: 0, conflated: 0 },
            attention: Attention { credit, is_queued: false, is_paused: false },
        });
        if is_pipe {
            // It may hold what its socket has given already, and will not report again.
            self.registry.revisit(key);
        }
        self.greet(key, head, beginning);
        self.send_earlier(key, beginning, (resume, backlog), has_snapshot);
        self.enter_pace(key);
        if !early.is_empty() {
            self.receive(key, &mut early);
        }
        Ok(())
    }

    /// Sends what a stream begins with.
    fn greet(&mut self, key: SubscriberKey, mut greeting: Vec<u8>, beginning: Beginning) {
        let subscriber = &mut self.registry[key];
        if subscriber.outlet.events().is_some() {
            // Its reader is told by other means.
            return;
        }
        let (live, encoding) = (subscriber.live().expect("the stream is live"), subscriber.output.encoding);
        encoding.open(&mut greeting);
        let view = live.permit.tenant().history().view();
        let begins_behind = beginning.after.or_else(|| view.id_at(beginning.behind));
        let connected = Connected {
            tenant: live.permit.tenant().id(),
            filters: self.matcher.filter(live.position.cohort).shown(),
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(live.expires_at.min(LAST_SECOND)),
            options: subscriber.info.options.shown(&live.permit.tenant().limits()),
            last_event_id: begins_behind.unwrap_or(EventId::new(0)),
        };
        connected.encode(encoding, &mut greeting);
        if let Some(gap) = beginning.gap {
            gap.encode(encoding, &mut greeting);
            let mut gaps = GapCounts::default();
            gaps.count(gap);
            self.registry[key].count_gaps(&gaps, &self.delivery.metrics);
        }
        self.send(key, &greeting);
    }

    /// Ends a stream: gives its permit back, sends its end behind what waits, and lets the peer go.
    pub(super) fn end(&mut self, key: SubscriberKey, end: &End) {
        let Some(subscriber) = self.registry.get(key) else {
            return;
        };
        if !subscriber.is_live() {
            if *end == End::Gone {
                self.remove(key);
            }
            return;
        }
        let (registry, matcher) = (&mut self.registry, &mut self.matcher);
        let settled = if matches!(end, End::Gone | End::SlowConsumer) {
            self.delivery.forgo(registry, matcher, key);
            Ok(())
        } else {
            let settled = self.delivery.settle(registry, matcher, key);
            settled.and_then(|()| self.delivery.settle_pace(registry, matcher, key))
        };
        self.delivery.forgo_pace(registry, matcher, key);
        // What it was still owed may have ended it first.
        let end = settled.as_ref().err().unwrap_or(end);
        self.retire(key, end);
        if *end == End::Gone {
            self.remove(key);
        } else {
            self.send_close(key, end);
        }
    }

    /// Leaves the cohort and gives the permit back.
    fn retire(&mut self, key: SubscriberKey, end: &End) {
        let subscriber = &mut self.registry[key];
        if let (Some(ring), Phase::Live(live)) = (&mut subscriber.ring, &subscriber.phase) {
            ring.drop_unprepared();
            ring.close_span(self.matcher.tenant(live.position.cohort.tenant).newest + 1);
        }
        let deadline = self.delivery.clock.now() + self.timers.close_timeout;
        let leaving = Phase::Leaving { deadline, finished: false };
        let Phase::Live(Live { permit, position, .. }) = std::mem::replace(&mut subscriber.phase, leaving) else {
            unreachable!("only a live stream ends");
        };
        let (info, encoding) = (&subscriber.info, subscriber.output.encoding);
        let (id, streams) = (info.id, &self.delivery.metrics.streams);
        streams.count_closed(encoding, info.client.transport, &info.counters, end);
        permit.journal().note(|| AuditKind::Disconnected {
            id,
            tenant: permit.tenant().id().clone(),
            client: info.client.clone(),
            reason: end.label(),
            code: end.code(),
        });
        tracing::debug!(tenant = %permit.tenant().id(), %id, reason = end.label(), "stream ended");
        self.registry.live.leave(id);
        let registry = &mut self.registry;
        self.matcher.leave(position, |(moved, to)| registry.move_member(moved, to));
    }

    fn send_close(&mut self, key: SubscriberKey, end: &End) {
        let subscriber = &mut self.registry[key];
        let mut bytes = Vec::new();
        subscriber.output.encoding.close(end, &mut bytes);
        if *end == End::SlowConsumer {
            self.delivery.discard_events(subscriber);
        }
        if let Err(end) = self.delivery.send_last(subscriber, &bytes) {
            self.end(key, &end);
        }
    }

    fn remove(&mut self, key: SubscriberKey) {
        let mut subscriber = self.registry.remove(key);
        self.delivery.discard(&mut subscriber);
    }
}
