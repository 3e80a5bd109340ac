//! A tenant's groups: named sets of its devices.
//!
//! A group that is not defined has no members. Shards read the groups once per event. A change is made in a copy, which
//! then replaces the whole, so an event is matched against one state of all groups. Invariant: a copy shares with the
//! original all parts in which no device came or went. So a change costs what it changes and a look at each part, however
//! many devices the other groups have.

use std::hash::BuildHasher;
use std::iter::once;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use floodway_protocol::names::{DeviceId, GroupId};

/// Devices in a part, on average and at most.
const PART: usize = 16;

/// A device, and the numbers of the groups that it is in: at least one.
#[derive(Clone, Debug)]
struct Member {
    device: DeviceId,
    groups: Arc<[u32]>,
}

type Part = HashTable<Member>;

/// Which groups a device is in.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    hasher: DefaultHashBuilder,
    names: Arc<Names>,
    /// Linear hashing: their number changes one by one.
    parts: Vec<Arc<Part>>,
    devices: usize,
}

impl Groups {
    /// The groups that `device` is in.
    pub fn of(&self, device: &str) -> impl Iterator<Item = &GroupId> {
        let numbers = self.find(device).map_or(&[][..], |member| &member.groups);
        numbers.iter().map(|&number| self.names.name(number))
    }

    /// Whether `device` is in `group`.
    pub fn has(&self, group: &GroupId, device: &str) -> bool {
        self.of(device).any(|of| of == group)
    }

    /// Changes the members of `group` from `old` to `new`. Both are sorted and without doubles, and empty if there is no
    /// such group.
    pub fn change(&mut self, group: &GroupId, old: &[DeviceId], new: &[DeviceId]) {
        // A known group needs no copy of all names.
        let number = match self.names.numbers.get(group) {
            Some(&number) => number,
            None => Arc::make_mut(&mut self.names).number(group),
        };
        let is_missing = |device: &&DeviceId, from: &[DeviceId]| from.binary_search(device).is_err();
        for device in new.iter().filter(|device| is_missing(device, old)) {
            self.add(device, number);
        }
        for device in old.iter().filter(|device| is_missing(device, new)) {
            self.remove(device, number);
        }
        if new.is_empty() {
            Arc::make_mut(&mut self.names).forget(group);
        }
    }

    fn find(&self, device: &str) -> Option<&Member> {
        if self.parts.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(device);
        let part = &self.parts[part_of(hash, self.parts.len())];
        part.find(hash, |member| member.device.as_str() == device)
    }

    fn add(&mut self, device: &DeviceId, number: u32) {
        if self.devices == self.parts.len() * PART {
            self.split();
        }
        let hash = self.hasher.hash_one(device.as_str());
        let at = part_of(hash, self.parts.len());
        let part = Arc::make_mut(&mut self.parts[at]);
        match part.find_mut(hash, |member| member.device == *device) {
            Some(member) => {
                let groups = member.groups.iter().copied().chain(once(number));
                member.groups = groups.collect();
            }
            None => {
                let (device, groups) = (device.clone(), Arc::new([number]));
                let hasher = &self.hasher;
                part.insert_unique(hash, Member { device, groups }, |member| hasher.hash_one(member.device.as_str()));
                self.devices += 1;
            }
        }
    }

    fn remove(&mut self, device: &DeviceId, number: u32) {
        let hash = self.hasher.hash_one(device.as_str());
        let at = part_of(hash, self.parts.len());
        let part = Arc::make_mut(&mut self.parts[at]);
        let Ok(mut found) = part.find_entry(hash, |member| member.device == *device) else {
            return;
        };
        let groups = &mut found.get_mut().groups;
        *groups = groups.iter().copied().filter(|&n| n != number).collect();
        if groups.is_empty() {
            found.remove();
            self.devices -= 1;
            match self.devices {
                0 => self.parts.clear(),
                left if left * 4 < (self.parts.len() - 1) * PART => self.merge(),
                _ => {}
            }
        }
    }

    /// Adds a part, which takes its share of the part that stood in for it.
    fn split(&mut self) {
        let new = self.parts.len();
        self.parts.push(Arc::default());
        if new > 0 {
            let whole = std::mem::take(&mut self.parts[stand_in(new)]);
            self.spread(&whole);
        }
    }

    /// Removes the last part, whose members go to the part that stands in for it.
    fn merge(&mut self) {
        let last = self.parts.pop().expect("one of several");
        self.spread(&last);
    }

    /// Puts members into their parts.
    fn spread(&mut self, members: &Part) {
        let hash = |member: &Member| self.hasher.hash_one(member.device.as_str());
        for member in members {
            let at = part_of(hash(member), self.parts.len());
            Arc::make_mut(&mut self.parts[at]).insert_unique(hash(member), member.clone(), hash);
        }
    }
}

/// The part of `parts` in which a device with this hash is. The bits are not those that place it within the part.
fn part_of(hash: u64, parts: usize) -> usize {
    let at = (hash >> 24) as usize & (parts.next_power_of_two() - 1);
    if at < parts { at } else { stand_in(at) }
}

/// The part that holds the members of the part `at` while there is no such part.
fn stand_in(at: usize) -> usize {
    at - (1 << at.ilog2())
}

/// The numbers of groups.
#[derive(Clone, Debug, Default)]
struct Names {
    by_number: Vec<Option<GroupId>>,
    numbers: HashMap<GroupId, u32>,
    free: Vec<u32>,
}

impl Names {
    fn name(&self, number: u32) -> &GroupId {
        let name = &self.by_number[number as usize];
        name.as_ref().expect("a group with members has a name")
    }

    fn number(&mut self, group: &GroupId) -> u32 {
        if let Some(&number) = self.numbers.get(group) {
            return number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.by_number.push(None);
            u32::try_from(self.by_number.len() - 1).expect("control.groups is less")
        });
        self.by_number[number as usize] = Some(group.clone());
        self.numbers.insert(group.clone(), number);
        number
    }

    fn forget(&mut self, group: &GroupId) {
        if let Some(number) = self.numbers.remove(group) {
            self.by_number[number as usize] = None;
            self.free.push(number);
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
