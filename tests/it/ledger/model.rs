//! What was published, what a subscriber wants of it, and what is still owed to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use serde_json::Value;

/// Devices that publish.
pub(super) const DEVICES: usize = 4;
/// Each event has one of these metrics.
pub(super) const METRICS: [&str; 2] = ["a", "b"];

/// One event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub(super) id: u64,
    pub(super) device: usize,
    metric: usize,
}

impl Published {
    /// Takes its id from what the witness received.
    pub(super) fn confirm(&mut self, received: &Value) {
        assert_eq!(received["device_id"], format!("D{}", self.device), "{received}");
        self.id = id_of(received);
    }
}

/// The id of an event.
pub(super) fn id_of(event: &Value) -> u64 {
    event["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("no id: {event}"))
}

/// All that was published, in order.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Published>);

impl Log {
    pub(super) fn sent(&mut self, device: usize, metric: usize) {
        self.0.push(Published { id: 0, device, metric });
    }

    /// Those that the witness has not received yet.
    pub(super) fn unconfirmed(&mut self) -> impl Iterator<Item = &mut Published> {
        self.0.iter_mut().skip_while(|event| event.id > 0)
    }

    /// Those behind this id.
    pub(super) fn behind(&self, id: u64) -> &[Published] {
        &self.0[self.0.partition_point(|event| event.id <= id)..]
    }
}

/// What a subscriber wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    /// None: every device.
    pub(super) devices: Option<BTreeSet<usize>>,
    /// None: events are not narrowed.
    pub(super) metric: Option<usize>,
}

impl Wants {
    /// Everything, or something.
    pub(super) fn any(rng: &mut Rng) -> Self {
        let devices = rng.bool().then(|| (0..DEVICES).filter(|_| rng.bool()).chain([0]).collect());
        Self { devices, metric: rng.bool().then(|| rng.usize(..METRICS.len())) }
    }

    pub(super) fn matches(&self, event: &Published) -> bool {
        self.devices.as_ref().is_none_or(|devices| devices.contains(&event.device))
            && self.metric.is_none_or(|metric| metric == event.metric)
    }

    /// As a query. One that wants no device at all can't be written.
    pub(super) fn query(&self) -> String {
        let devices: Vec<String> = self.devices.iter().flatten().map(|device| format!("D{device}")).collect();
        format!("device_id={}&metric={}", devices.join(","), self.metric.map_or("", |metric| METRICS[metric]))
    }
}

/// What is owed to a stream: what matched, and is neither received nor counted in a gap.
#[derive(Debug)]
pub(super) struct Owed {
    /// By id, between two changes of its filter each. The first is being read; an answer ends it.
    parts: VecDeque<BTreeMap<u64, usize>>,
    /// Of the parts before, what was passed over for newer events.
    passed_over: BTreeMap<u64, usize>,
    /// How many gaps count as passed over. On which side of an answer those are is open.
    conflated: usize,
    /// The last event of each device that was received.
    received: BTreeMap<usize, u64>,
}

impl Owed {
    /// Of what was published before.
    pub(super) fn of(wants: &Wants, published: &[Published]) -> Self {
        let matched = published.iter().filter(|event| wants.matches(event));
        Self {
            parts: [matched.map(|event| (event.id, event.device)).collect()].into(),
            passed_over: BTreeMap::new(),
            conflated: 0,
            received: BTreeMap::new(),
        }
    }

    /// How many are owed.
    pub(super) fn count(&self) -> usize {
        self.passed_over.len() + self.parts.iter().map(BTreeMap::len).sum::<usize>()
    }

    pub(super) fn owe(&mut self, event: &Published) {
        self.parts.back_mut().expect("there is always one").insert(event.id, event.device);
    }

    /// What matches from here on follows an answer.
    pub(super) fn change(&mut self) {
        self.parts.push_back(BTreeMap::new());
    }

    /// An event was received: the first that is owed, or, where newer events take the place of older ones, any.
    pub(super) fn receive(&mut self, id: u64, conflates: bool) {
        let part = &mut self.parts[0];
        if !conflates {
            assert_eq!(part.keys().next(), Some(&id), "a hole that is no gap, or an event twice: {part:?}");
        }
        let device = part.remove(&id).unwrap_or_else(|| panic!("{id} is not owed: {self:?}"));
        let before = self.received.insert(device, id);
        assert!(before.is_none_or(|before| before < id), "a device's events keep their order: {id} after {before:?}");
    }

    /// A gap: the first `count` of those owed.
    pub(super) fn lose(&mut self, count: usize) {
        for _ in 0..count {
            assert!(self.parts[0].pop_first().is_some(), "a gap counts more than was owed");
        }
    }

    /// A gap: `count` of those owed, in whose place newer ones come.
    pub(super) fn conflate(&mut self, count: usize) {
        self.conflated += count;
        assert!(self.conflated <= self.count(), "a gap counts more than was owed: {self:?}");
    }

    /// An answer was received: what comes next is of the next part. Returns whether nothing was owed before it.
    pub(super) fn answer(&mut self) -> bool {
        let part = self.parts.pop_front().expect("there is always one");
        let is_settled = part.is_empty();
        self.passed_over.extend(part);
        is_settled
    }

    /// Whether all that matched is accounted for. Of those conflated a newer one of the device was received.
    pub(super) fn is_settled(&self) -> bool {
        let replaced = |(id, device): (&u64, &usize)| self.received.get(device).is_some_and(|newest| newest > id);
        let mut rest = self.passed_over.iter().chain(&self.parts[0]);
        self.parts.len() == 1 && self.count() == self.conflated && rest.all(replaced)
    }
}
