//! Decides what control messages do, and what to send.
//!
//! Knows no socket and no clock: it is told what happened, and asked what to send. One request of it is under way at a
//! time, as the link demands; what waits for the copy of a write that was acknowledged is not under way any more.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::apply::Apply;
use super::caution::Caution;
use super::config::Config;
use super::fleet::Fleet;
use super::keeper::Keeper;
use super::problems::Problems;
use super::replay::Replay;
use super::request::{Facts, Request, UnderWay, What, publish, reading};
use super::topic::{self, Key, Topic};
use super::view::{Shared, Standing, View};
use super::writes::{Order, WriteError, Writes};
use crate::index::{Index, Tenant};

/// How long the mark may keep us waiting while nothing else comes.
const MARK_TIMEOUT: Duration = Duration::from_secs(5);

/// Pauses before a broker that did not give everything is asked again: the first, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

#[derive(Debug)]
enum Stage {
    Away,
    Replay(Replay),
    Following,
    /// Without everything, until it is tried again.
    Partial(Instant),
}

/// Follows the control documents of one broker at a time.
pub struct Follower {
    node: String,
    keeper: Keeper,
    shared: Arc<Shared>,
    problems: Problems,
    fleet: Fleet,
    writes: Writes,
    facts: Facts,
    caution: Caution,
    stage: Stage,
    standing: Standing,
    /// When the documents were last known to be the broker's, if they no longer are.
    known_at: Option<SystemTime>,
    under_way: Option<UnderWay>,
    /// On this link all was read that will be, or the broker has refused it before.
    is_settled: bool,
    retry: Duration,
    /// Why the broker last did not give everything; it is not told again.
    complaint: Option<String>,
    /// The broker tells of live messages whether they are retained.
    shows_retained: bool,
}

impl Follower {
    pub(super) fn new(
        config: &Config,
        node: &str,
        index: Arc<Index>,
        apply: Box<dyn Apply>,
    ) -> Self {
        Self {
            node: node.to_owned(),
            keeper: Keeper::new(config, index, apply),
            shared: Arc::default(),
            problems: Problems::default(),
            fleet: Fleet::new(config, node),
            writes: Writes::default(),
            facts: Facts::default(),
            caution: Caution::default(),
            stage: Stage::Away,
            standing: Standing::Away,
            known_at: None,
            under_way: None,
            is_settled: false,
            retry: RETRY.0,
            complaint: None,
            shows_retained: false,
        }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Where the last will publishes nothing, retained: so it clears our status.
    pub fn will_topic(&self) -> String {
        topic::fleet(&self.node)
    }

    /// A broker is connected, and knows nothing of us.
    pub fn link_up(&mut self, facts: Facts, now: Instant) {
        self.facts = facts;
        self.shows_retained = false;
        self.is_settled = self.complaint.is_some() || !self.caution.may_try();
        self.fleet.link_up();
        if facts.is_able {
            self.begin(now);
        } else {
            self.settle_for_less(
                "the broker keeps no retained messages or takes no QoS 1",
                now,
            );
        }
        self.show();
    }

    /// The broker is gone. What was read holds; what was not confirmed fails.
    pub fn link_lost(&mut self) {
        self.stage = Stage::Away;
        self.caution.link_lost();
        self.under_way = None;
        self.is_settled = false;
        self.writes.fail_all("the broker is gone");
        self.standing = Standing::Away;
        self.show();
    }

    /// Whether subscribers may be let in on this link.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Whether a request is under way.
    pub fn is_waiting(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether a request has been under way for longer than `patience`.
    pub fn is_overdue(&self, now: Instant, patience: Duration) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|under_way| now >= under_way.since + patience)
    }

    /// Whether orders are to wait where they are.
    pub fn is_full(&self) -> bool {
        self.writes.is_full()
    }

    /// Somebody wants something written.
    pub fn order(&mut self, order: Order) {
        let may = self.standing.may_write();
        match may.and_then(|()| self.keeper.check(&order, self.facts)) {
            Ok(()) => self.writes.push(order),
            Err(error) => order.fail(error),
        }
    }

    /// What to send now, if anything. It counts as under way from then on.
    pub fn next_request(&mut self, now: Instant) -> Option<Request> {
        if self.under_way.is_some() {
            return None;
        }
        let (what, request) = match &mut self.stage {
            Stage::Away | Stage::Partial(_) => None,
            Stage::Replay(replay) => reading(replay, &self.node, &mut self.caution),
            Stage::Following => self.write(now).or_else(|| self.announcement(now)),
        }?;
        self.under_way = Some(UnderWay {
            what,
            id: None,
            since: now,
        });
        Some(request)
    }

    /// The request under way was given this packet id.
    pub fn sent(&mut self, id: u16) {
        if let Some(under_way) = &mut self.under_way {
            under_way.id = Some(id);
        }
    }

    /// The broker has answered the request with this packet id. An error is its reason to refuse.
    pub fn answered(&mut self, id: u16, answer: Result<(), String>, now: Instant) {
        let Some(under_way) = self.under_way.take_if(|under_way| under_way.id == Some(id)) else {
            return tracing::warn!(
                id,
                "the broker answers a control request that is not under way"
            );
        };
        match (under_way.what, answer) {
            (What::Subscribe | What::Mark, Ok(())) => {}
            (What::Subscribe, Err(reason)) => {
                self.settle_for_less(&format!("the subscription was refused: {reason}"), now);
            }
            (What::Mark, Err(reason)) => {
                self.settle_for_less(&format!("publishing was refused: {reason}"), now);
            }
            (What::Write, answer) => self.writes.answered(answer),
            (What::Status, Ok(())) => {}
            (What::Status, Err(reason)) => tracing::debug!(reason, "our own status was refused"),
        }
        self.show();
    }

    /// A message has come. Returns whether it was one of control.
    pub fn message(&mut self, topic: &[u8], payload: &[u8], retain: bool, now: Instant) -> bool {
        if !topic::is_control(topic) {
            return false;
        }
        if let Stage::Replay(replay) = &mut self.stage {
            replay.quiet_since = now;
        }
        let text = String::from_utf8_lossy(topic);
        match topic::parse(&text) {
            Some(Topic::Sync(node)) => {
                if node == self.node {
                    self.mark(payload);
                }
            }
            Some(Topic::Fleet(node)) => self.fleet(node, &text, payload, retain, now),
            Some(Topic::Document(key)) => self.document(&key, &text, payload, retain, now),
            None if payload.is_empty() => self.problems.clear(&text),
            None => self
                .problems
                .add(&text, "the topic is not known".to_owned(), now),
        }
        self.show();
        true
    }

    /// To be called about once a second.
    pub fn sweep(&mut self, now: Instant) {
        self.fleet.sweep(now);
        let has_lost_copies = self.writes.sweep(now);
        if matches!(self.stage, Stage::Partial(_)) {
            self.caution.outlived();
        }
        match &self.stage {
            Stage::Replay(replay) if now >= replay.quiet_since + MARK_TIMEOUT => {
                self.settle_for_less(&self.silence(), now);
            }
            Stage::Partial(until)
                if now >= *until && self.under_way.is_none() && self.may_try_again() =>
            {
                self.begin(now);
            }
            // Where a copy was lost, other messages may have been.
            Stage::Following if has_lost_copies => self.begin(now),
            _ => {}
        }
        self.show();
    }

    /// `tenant` is about to be told that its events come: from here on it has its groups.
    pub fn furnish(&self, tenant: &Tenant) {
        self.keeper.furnish(tenant);
    }

    /// Where to publish nothing, retained, before an orderly end, so that our status is gone.
    pub fn farewell(&self) -> Option<String> {
        let is_there = !matches!(self.stage, Stage::Away) && self.fleet.has_told();
        is_there.then(|| topic::fleet(&self.node))
    }

    fn begin(&mut self, now: Instant) {
        // A retained message that comes again must not count as a copy.
        self.writes.fail_all("the broker's documents are read anew");
        self.stage = Stage::Replay(Replay::new(now));
        // What holds already goes on to hold while it is read again, and so does the refusal of writes.
        if !matches!(self.standing, Standing::Partial(_)) {
            self.standing = Standing::Reading;
        }
    }

    fn write(&mut self, now: Instant) -> Option<(What, Request)> {
        let (topic, payload) = self.writes.next(now)?;
        Some((What::Write, publish(topic, payload, true, None)))
    }

    fn announcement(&mut self, now: Instant) -> Option<(What, Request)> {
        let status = self.shared.own.load_full()?;
        let (topic, expiry) = (topic::fleet(&self.node), self.fleet.expiry_seconds());
        let payload = self.fleet.announcement(&status, &topic, self.facts, now)?;
        Some((What::Status, publish(topic, payload, true, Some(expiry))))
    }

    /// The mark has come back: everything that was retained is there.
    fn mark(&mut self, payload: &[u8]) {
        let is_ours = |stage: &Stage| matches!(stage, Stage::Replay(replay) if replay.nonce.as_bytes() == payload);
        if !is_ours(&self.stage) {
            return;
        }
        let Stage::Replay(replay) = std::mem::replace(&mut self.stage, Stage::Following) else {
            return;
        };
        let documents = replay.whole(self.keeper.documents(), &self.keeper.config);
        self.keeper.replace(documents);
        self.caution.outlived();
        self.is_settled = true;
        self.complaint = None;
        self.retry = RETRY.0;
        self.standing = Standing::Following;
        let documents = self.keeper.documents();
        let (groups, limits) = (documents.group_count(), documents.tenant_limits().count());
        tracing::info!(groups, limits, "control documents read");
    }

    /// Why the mark did not come back.
    fn silence(&self) -> String {
        let told = self.complaint.clone().filter(|_| !self.caution.may_try());
        told.unwrap_or_else(|| self.caution.silence().to_owned())
    }

    fn may_try_again(&self) -> bool {
        self.facts.is_able && self.caution.may_try()
    }

    /// The broker does not give everything: telemetry is served without the rest.
    fn settle_for_less(&mut self, reason: &str, now: Instant) {
        let until = now + self.retry;
        self.retry = (self.retry * 2).min(RETRY.1);
        if let Stage::Replay(replay) = std::mem::replace(&mut self.stage, Stage::Partial(until)) {
            let documents = replay.partial(self.keeper.documents(), &self.keeper.config);
            if documents != **self.keeper.documents() {
                self.known_at = Some(SystemTime::now());
            }
            self.keeper.replace(documents);
        }
        self.is_settled = true;
        self.writes.fail_queued(reason);
        self.standing = Standing::Partial(reason.to_owned());
        if self.complaint.as_deref() != Some(reason) {
            let needs = "publish and subscribe to floodway/control/#";
            tracing::warn!(
                reason,
                needs,
                "limits and groups can't be kept in the broker"
            );
            self.complaint = Some(reason.to_owned());
        }
    }

    fn fleet(&mut self, node: &str, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        // A live copy of what we publish retained: only after the mark can it not be an old one.
        if node == self.node && !payload.is_empty() && matches!(self.stage, Stage::Following) {
            self.shows_retained = retain;
        }
        match self.fleet.heard(node, payload, now) {
            Ok(()) => self.problems.clear(topic),
            Err(reason) => self.problems.add(topic, reason, now),
        }
    }

    fn document(&mut self, key: &Key, topic: &str, payload: &[u8], retain: bool, now: Instant) {
        if self.shows_retained && !retain {
            let reason = "is not retained: other gateways would not see it after a restart";
            return self.problems.add(topic, reason.to_owned(), now);
        }
        let taken = self.take(key, payload);
        match &taken {
            Ok(()) => self.problems.clear(topic),
            Err(error) => {
                self.problems.add(topic, error.to_string(), now);
                // Only of what stands is it worth knowing.
                let stands = self.keeper.documents().get(key).is_some();
                if let Stage::Replay(replay) = &mut self.stage
                    && stands
                {
                    replay.refuse(key);
                }
            }
        }
        self.writes.copied(key, payload, &taken);
    }

    fn take(&mut self, key: &Key, payload: &[u8]) -> Result<(), WriteError> {
        let document = self.keeper.read(key, payload)?;
        match &mut self.stage {
            Stage::Replay(replay) => Ok(replay.take(key, document, &self.keeper.config)?),
            _ => self.keeper.take(key, document),
        }
    }

    /// Shows others what has changed, and then answers the writes that it contains.
    fn show(&mut self) {
        let seen = self.shared.view.load_full();
        if seen.standing == Standing::Following && self.standing != Standing::Following {
            self.known_at = Some(SystemTime::now());
        }
        let members = self.fleet.changed();
        self.shared.show(View {
            standing: self.standing.clone(),
            known_at: self.known_at,
            documents: Arc::clone(self.keeper.documents()),
            members: members.unwrap_or_else(|| Arc::clone(&seen.members)),
            problems: self.problems.kept(),
        });
        self.writes.finish();
    }
}
