//! A tenant's groups: named sets of its devices.
//!
//! A group that nobody defined has no members. Shards read the groups once per event; whoever defines one replaces
//! the whole set, so that an event is matched against one state of it.

use hashbrown::HashMap;

use crate::names::{DeviceId, GroupId};

/// Which groups a device is in.
#[derive(Debug, Default)]
pub struct Groups {
    by_device: HashMap<DeviceId, Vec<GroupId>>,
}

impl Groups {
    /// Makes the set of `groups`, each with its members.
    pub fn new<'a>(groups: impl IntoIterator<Item = (&'a GroupId, &'a [DeviceId])>) -> Self {
        let mut by_device: HashMap<DeviceId, Vec<GroupId>> = HashMap::new();
        for (group, members) in groups {
            for device in members {
                let of_device = by_device.entry(device.clone()).or_default();
                if !of_device.contains(group) {
                    of_device.push(group.clone());
                }
            }
        }
        Self { by_device }
    }

    /// The groups that `device` is in.
    pub fn of(&self, device: &str) -> &[GroupId] {
        if self.by_device.is_empty() {
            return &[];
        }
        self.by_device.get(device).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_knows_its_groups_and_a_stranger_none() {
        let (north, south) = (
            GroupId::parse("north").unwrap(),
            GroupId::parse("south").unwrap(),
        );
        let (a, b) = (DeviceId::parse("A").unwrap(), DeviceId::parse("B").unwrap());
        let groups = Groups::new([(&north, &[a.clone(), b.clone(), a][..]), (&south, &[b][..])]);
        assert_eq!(groups.of("A"), std::slice::from_ref(&north));
        assert_eq!(groups.of("B"), [north, south]);
        assert_eq!(groups.of("C"), []);
    }
}
