//! Properties of `shard::matcher::members`.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join,
    Leave(usize),
    Pass(usize),
    Take(usize),
    EndFlush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Join),
        2 => (0_usize..50).prop_map(Step::Leave),
        2 => (0_usize..50).prop_map(Step::Pass),
        4 => (1_usize..4).prop_map(Step::Take),
        1 => Just(Step::EndFlush),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn each_member_receives_each_batch_once_whoever_comes_and_goes(steps in steps()) {
        let mut members = Members::default();
        let (mut indexes, mut received, mut fresh) = (HashMap::new(), HashSet::new(), 0);
        for step in steps {
            match step {
                Step::Join => {
                    indexes.insert(SubscriberKey(fresh), members.join(SubscriberKey(fresh)));
                    fresh += 1;
                }
                Step::Leave(nth) => {
                    let mut present: Vec<SubscriberKey> = indexes.keys().copied().collect();
                    present.sort();
                    let Some(&key) = present.get(nth) else { continue };
                    let index = indexes.remove(&key).unwrap();
                    members.leave(index, |(moved, index)| { indexes.insert(moved, index); });
                    received.remove(&key);
                }
                Step::Pass(nth) => {
                    let mut waiting: Vec<SubscriberKey> = indexes.keys().copied().filter(|key| !received.contains(key)).collect();
                    waiting.sort();
                    let Some(&key) = waiting.get(nth) else { continue };
                    members.pass(indexes[&key], |(moved, index)| { indexes.insert(moved, index); });
                    received.insert(key);
                }
                Step::Take(most) => {
                    let next = members.take(most);
                    prop_assert_eq!(next.len(), most.min(indexes.len() - received.len()));
                    for key in next {
                        prop_assert!(indexes.contains_key(key));
                        prop_assert!(received.insert(*key), "twice");
                    }
                }
                Step::EndFlush => {
                    members.end_flush();
                    received.clear();
                }
            }
            for (key, &index) in &indexes {
                prop_assert_eq!(members.keys[index as usize], *key);
                prop_assert_eq!(members.has_flushed(index), received.contains(key));
            }
            prop_assert_eq!(members.keys.len(), indexes.len());
        }
    }
}
