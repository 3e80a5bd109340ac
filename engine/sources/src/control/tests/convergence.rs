//! However writers, links and restarts come together, in the end all gateways hold what the broker holds.

use proptest::prelude::*;

use super::super::documents::Documents;
use super::*;

/// What happens. The first number says to which gateway.
#[derive(Clone, Debug)]
enum Step {
    /// A write through a gateway: the tenant, the group, its device; none deletes.
    Write(usize, u8, u8, Option<u8>),
    /// A person publishes this.
    Publish(u8, u8, &'static str),
    Lose(usize),
    Connect(usize),
    Restart(usize),
    /// One request of a gateway gets to the broker, whose answer comes before the copies, or after.
    StoreRequest(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = 0..2usize;
    let payload =
        prop_oneof![Just("{\"devices\":[\"P\"]}"), Just("{\"devices\":[]}"), Just(""), Just("{\"devices\":7}"),];
    let step = prop_oneof![
        4 => (node.clone(), 0..2u8, 0..3u8, proptest::option::of(0..3u8))
            .prop_map(|(node, t, g, d)| Step::Write(node, t, g, d)),
        2 => (0..2u8, 0..3u8, payload).prop_map(|(t, g, payload)| Step::Publish(t, g, payload)),
        1 => node.clone().prop_map(Step::Lose),
        2 => node.clone().prop_map(Step::Connect),
        1 => node.clone().prop_map(Step::Restart),
        8 => (node, any::<bool>()).prop_map(|(node, first)| Step::StoreRequest(node, first)),
    ];
    proptest::collection::vec(step, 0..80)
}

#[derive(Default)]
struct Link {
    is_up: bool,
    is_subscribed: bool,
}

struct World {
    nodes: Vec<(Bed, Link)>,
    retained: BTreeMap<String, Vec<u8>>,
    outcomes: Vec<(usize, Key, Option<Document>, Outcome)>,
}

fn name(kind: &str, number: u8) -> String {
    format!("{kind}{number}")
}

impl World {
    fn publish(&mut self, topic: &str, payload: &[u8], retain: bool) {
        if retain && payload.is_empty() {
            self.retained.remove(topic);
        } else if retain {
            self.retained.insert(topic.to_owned(), payload.to_vec());
        }
        for (bed, _) in self.nodes.iter_mut().filter(|(_, link)| link.is_subscribed) {
            bed.follower.message(topic.as_bytes(), payload, retain, bed.now);
        }
    }

    /// Returns whether there was a request.
    fn request(&mut self, node: usize, answer_first: bool) -> bool {
        let (bed, link) = &mut self.nodes[node];
        let Some((id, request)) = bed.sends() else {
            return false;
        };
        if answer_first {
            bed.answers(id, Ok(()));
        }
        match request {
            StoreRequest::Follow(_) => {
                link.is_subscribed = true;
                for (topic, payload) in &self.retained {
                    bed.follower.message(topic.as_bytes(), payload, true, bed.now);
                }
            }
            StoreRequest::Publish { topic, payload, retain, .. } => self.publish(&topic, &payload, retain),
        }
        if !answer_first {
            self.nodes[node].0.answers(id, Ok(()));
        }
        true
    }

    fn lose(&mut self, node: usize) {
        let (bed, link) = &mut self.nodes[node];
        *link = Link::default();
        bed.follower.link_lost();
    }

    fn connect(&mut self, node: usize) {
        let (bed, link) = &mut self.nodes[node];
        if !std::mem::replace(&mut link.is_up, true) {
            bed.follower.link_up(ABLE, bed.now);
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write(node, t, g, device) => {
                let key = key(&name("T", t), &name("G", g));
                let document = device.and_then(|device| group(&[&name("D", device)]));
                let outcome = self.nodes[node].0.orders(key.clone(), document.clone());
                self.outcomes.push((node, key, document, outcome));
            }
            Step::Publish(t, g, payload) => {
                let topic = key(&name("T", t), &name("G", g)).topic();
                self.publish(&topic, payload.as_bytes(), true);
            }
            Step::Lose(node) => self.lose(node),
            Step::Connect(node) => self.connect(node),
            Step::Restart(node) => {
                self.lose(node);
                self.nodes[node].0 = bed();
            }
            Step::StoreRequest(node, answer_first) => {
                self.request(node, answer_first);
            }
        }
        self.done_can_be_read();
    }

    /// What was reported as done by the step before can be read where it was written.
    fn done_can_be_read(&mut self) {
        let nodes = &self.nodes;
        self.outcomes.retain_mut(|(node, key, document, outcome)| {
            let reported = outcome.try_recv();
            if reported == Ok(Ok(())) {
                let shown = nodes[*node].0.control.documents();
                assert_eq!(shown.get(key), *document);
            }
            reported == Err(oneshot::error::TryRecvError::Empty)
        });
    }

    fn come_to_rest(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.connect(node));
        while (0..self.nodes.len()).any(|node| self.request(node, true)) {
            self.done_can_be_read();
        }
    }

    fn held(&self) -> Documents {
        let mut held = Documents::default();
        let config = Config::default();
        for (topic, payload) in &self.retained {
            if let Some(super::super::topic::Topic::Document(key)) = super::super::topic::parse(topic)
                && let Ok(Some(document)) = Document::parse(&key, payload, &config)
            {
                held.put(&key, document, &config).unwrap();
            }
        }
        held
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_gateways_hold_what_the_broker_holds(steps in steps()) {
        let mut world = World {
            nodes: (0..2).map(|_| (bed(), Link::default())).collect(),
            retained: BTreeMap::new(),
            outcomes: Vec::new(),
        };
        steps.into_iter().for_each(|step| world.take(step));
        world.come_to_rest();
        prop_assert!(world.outcomes.is_empty(), "every write was answered");
        let held = world.held();
        let bad: Vec<&String> = world.retained.iter().filter(|(_, payload)| payload.ends_with(b"s\":7}")).map(|(topic, _)| topic).collect();
        for (bed, _) in &world.nodes {
            let shown = bed.control.documents();
            for t in 0..2 {
                for g in 0..3 {
                    let key = key(&name("T", t), &name("G", g));
                    // Where the broker holds nonsense, a gateway keeps what it had.
                    if !bad.contains(&&key.topic()) {
                        prop_assert_eq!(shown.get(&key), held.get(&key));
                    }
                }
            }
            prop_assert_eq!(bed.control.sync_state(), SyncState::Following);
            let named: Vec<String> = bed.control.problems().iter().map(|problem| problem.topic.clone()).collect();
            prop_assert!(bad.iter().all(|topic| named.contains(topic)), "{:?} are named: {:?}", bad, named);
        }
    }
}
