//! Each test plays broker and clock.

mod convergence;
mod fleet;
mod reading;
mod reserved;
mod texts;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::documents::Document;
use super::topic::Key;
use super::writes::Order;
use super::*;
use floodway_core::index::{ConnectionPermit, Limits, Overflow, OwnLimits};
use floodway_protocol::names::{GroupId, TenantId};

const ABLE: StoreFacts = StoreFacts {
    message_bytes: 64 * 1024,
    message_bytes_setting: "mqtt.packet_bytes, or the broker's own bound",
    is_able: true,
    refuses_wild_names: false,
    has_backlog: false,
};

type Outcome = oneshot::Receiver<Result<(), WriteError>>;

/// A follower, and the broker's side of its link.
struct Bed {
    follower: Follower,
    control: Control,
    index: Arc<Index>,
    retained: BTreeMap<String, String>,
    may: StoreReady,
    now: Instant,
    next_id: u16,
}

fn bed() -> Bed {
    bed_with(Config::default())
}

fn bed_with(config: Config) -> Bed {
    let limits = Limits { connections: 0, ..Limits::default() };
    let index = Arc::new(Index::new(100, limits));
    let (control, follower) = new(&config, "N", Arc::clone(&index));
    Bed {
        follower,
        control,
        index,
        retained: BTreeMap::new(),
        may: StoreReady { publish: true, subscribe: true },
        now: Instant::now(),
        next_id: 0,
    }
}

/// One that follows, with what is retained.
fn following(retained: &[(&str, &str)]) -> Bed {
    let mut bed = bed();
    for (topic, payload) in retained {
        bed.retained.insert(at(topic), (*payload).to_owned());
    }
    bed.link_up();
    assert_eq!(bed.control.sync_state(), SyncState::Following);
    bed
}

fn at(topic: &str) -> String {
    format!("floodway/control/v1/{topic}")
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn group_id(name: &str) -> GroupId {
    GroupId::parse(name).unwrap()
}

fn key(tenant_name: &str, group: &str) -> Key {
    Key::Group(tenant(tenant_name), group_id(group))
}

fn group(devices: &[&str]) -> Option<Document> {
    let group = Group::new(devices.iter().copied(), 1000).unwrap();
    Some(Document::Group(Arc::new(group)))
}

impl Bed {
    fn link_up(&mut self) {
        self.follower.link_up(ABLE, self.now);
        self.obey();
    }

    /// What is sent now, with its packet id.
    fn sends(&mut self) -> Option<(u16, StoreRequest)> {
        let request = self.follower.next_request(self.may, self.now)?;
        self.next_id += 1;
        self.follower.sent(self.next_id);
        Some((self.next_id, request))
    }

    /// The topic and payload that are published now.
    fn publishes(&mut self) -> (u16, String, String) {
        match self.sends() {
            Some((id, StoreRequest::Publish { topic, payload, .. })) => {
                (id, topic, String::from_utf8(payload).unwrap())
            }
            other => panic!("no PUBLISH but {other:?}"),
        }
    }

    fn answers(&mut self, id: u16, answer: Result<(), String>) {
        self.follower.answered(id, answer, self.now);
    }

    /// A message comes with its retain flag.
    fn hears(&mut self, topic: &str, payload: &str) {
        self.hears_as(topic, payload, true);
    }

    fn hears_as(&mut self, topic: &str, payload: &str, retain: bool) {
        let topic = at(topic);
        let is_ours = self.follower.message(topic.as_bytes(), payload.as_bytes(), retain, self.now);
        assert!(is_ours);
    }

    /// Does what a broker does until nothing more is sent.
    fn obey(&mut self) {
        while let Some((id, request)) = self.sends() {
            match request {
                StoreRequest::Follow(filter) => {
                    assert_eq!(filter, "floodway/control/v1/#");
                    for (topic, payload) in self.retained.clone() {
                        self.follower.message(topic.as_bytes(), payload.as_bytes(), true, self.now);
                    }
                }
                StoreRequest::Publish { topic, payload, retain, .. } => {
                    self.follower.message(topic.as_bytes(), &payload, retain, self.now);
                    if retain {
                        let payload = String::from_utf8(payload).unwrap();
                        self.retained.insert(topic, payload);
                    }
                }
            }
            self.answers(id, Ok(()));
        }
    }

    fn orders(&mut self, key: Key, document: Option<Document>) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        self.follower
            .order(Order { key, document, deadline: self.now + Duration::from_secs(5), reply });
        outcome
    }

    fn passes(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.follower.sweep(self.now);
    }

    fn devices(&self, tenant_name: &str, group: &str) -> Option<Vec<String>> {
        let group = self.control.group(&tenant(tenant_name), &group_id(group))?;
        let names = group.devices().iter().map(ToString::to_string);
        Some(names.collect())
    }

    fn problem(&self) -> String {
        let problems = self.control.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        format!("{} {}", problems[0].topic, problems[0].reason)
    }

    /// A tenant with a subscriber, with its groups, as ingest applies them before it is confirmed.
    fn enter(&mut self, name: &str) -> ConnectionPermit {
        let permit = self.index.enter(&tenant(name)).unwrap();
        self.control.apply_groups(permit.tenant());
        permit
    }

    /// The limits of streams that the index has, the default first.
    fn applied(&self) -> Vec<String> {
        let default = [("*".to_owned(), self.index.limits().own(None))];
        let tenants = self.index.limits().tenants().into_iter();
        let tenants = tenants.map(|(tenant, own)| (tenant.to_string(), own));
        let all = default.into_iter().chain(tenants);
        all.filter_map(|(scope, own)| Some(format!("{scope} {}", own.connections?))).collect()
    }
}

/// The groups in which shards see a tenant's device.
fn seen(permit: &ConnectionPermit, device: &str) -> Vec<String> {
    let groups = permit.tenant().groups();
    let mut names: Vec<_> = groups.of(device).map(ToString::to_string).collect();
    names.sort();
    names
}
