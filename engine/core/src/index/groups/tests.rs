//! Groups against a plain map of sets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn group(n: usize) -> GroupId {
    GroupId::parse(&format!("g{n}")).unwrap()
}

fn devices(numbers: &BTreeSet<usize>) -> Vec<DeviceId> {
    let names = numbers.iter().map(|n| DeviceId::parse(&format!("d{n}")));
    let mut devices: Vec<_> = names.map(Result::unwrap).collect();
    devices.sort();
    devices
}

/// Groups and their members, as a test knows them.
type Known = BTreeMap<usize, BTreeSet<usize>>;

fn put(groups: &mut Groups, known: &mut Known, name: usize, members: BTreeSet<usize>) {
    let old = known.remove(&name).unwrap_or_default();
    groups.change(&group(name), &devices(&old), &devices(&members));
    known.insert(name, members);
}

fn assert_same(groups: &Groups, known: &Known, most: usize) {
    for n in 0..most {
        let mut of: Vec<_> = groups.of(&format!("d{n}")).cloned().collect();
        of.sort();
        let expected = known.iter().filter(|(_, members)| members.contains(&n));
        let mut expected: Vec<_> = expected.map(|(&name, _)| group(name)).collect();
        expected.sort();
        assert_eq!(of, expected, "d{n}");
    }
}

proptest! {
    #[test]
    fn what_is_put_is_found_and_a_copy_stays_as_it_was(
        changes in prop::collection::vec((0..6usize, prop::collection::btree_set(0..300usize, 0..200)), 1..12)
    ) {
        let (mut groups, mut known) = (Groups::default(), Known::new());
        let mut before = (groups.clone(), known.clone());
        for (name, members) in changes {
            put(&mut groups, &mut known, name, members);
            assert_same(&groups, &known, 300);
            assert_same(&before.0, &before.1, 300);
            before = (groups.clone(), known.clone());
        }
    }
}

#[test]
fn a_device_knows_its_groups_and_a_stranger_none() {
    let (mut groups, mut known) = (Groups::default(), Known::new());
    put(&mut groups, &mut known, 1, BTreeSet::from([7, 8]));
    put(&mut groups, &mut known, 2, BTreeSet::from([8]));
    assert!(groups.has(&group(1), "d7") && !groups.has(&group(2), "d7"));
    assert_eq!((groups.of("d8").count(), groups.of("d9").count()), (2, 0));
}

#[test]
fn a_change_leaves_all_other_parts_shared() {
    let (mut groups, mut known) = (Groups::default(), Known::new());
    put(&mut groups, &mut known, 1, (0..5_000).collect());
    let before = groups.clone();
    put(&mut groups, &mut known, 2, (0..3).collect());
    let parts = before.parts.iter().zip(&groups.parts);
    let copied = parts.filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
    assert!((1..=3).contains(&copied), "{copied} parts were copied");
}

#[test]
fn parts_become_more_and_fewer_with_the_devices() {
    let (mut groups, mut known) = (Groups::default(), Known::new());
    put(&mut groups, &mut known, 1, (0..5_000).collect());
    let most = groups.parts.len();
    assert!((5_000 / PART..=5_000 / PART + 1).contains(&most), "{most}");
    let longest = groups.parts.iter().map(|part| part.len()).max();
    assert!(longest < Some(5 * PART), "they are even: {longest:?}");
    put(&mut groups, &mut known, 1, (0..10).collect());
    assert!(groups.parts.len() <= 10 * 4 / PART + 2);
    put(&mut groups, &mut known, 1, BTreeSet::new());
    assert_eq!((groups.parts.len(), groups.devices), (0, 0));
    assert!(groups.names.numbers.is_empty(), "its number is free again");
}
