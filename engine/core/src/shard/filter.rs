//! What one subscriber wants to receive.
//!
//! Invariant: a subscriber that never named a device or a group receives every device's events; one that named some
//! and gave them all up receives nothing, until it clears its filter.

use std::hash::Hash;
use std::slice::from_ref;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::event::MetricSet;
use crate::index::Groups;
use floodway_protocol::messages::client::Names;
use floodway_protocol::messages::notice::Filters;
use floodway_protocol::names::{DeviceId, GroupId};

/// A subscriber's devices, groups and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// None: every device.
    selected: Option<Selected>,
    /// None: every metric.
    metrics: Option<Arc<MetricSet>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Selected {
    devices: Vec<DeviceId>,
    groups: Vec<GroupId>,
}

/// The devices and groups of a filter; none: every device.
pub(super) struct Selection<'a>(Option<(HashSet<&'a str>, HashSet<&'a GroupId>)>);

impl Selection<'_> {
    /// Whether events of `device` are wanted, which is in these groups now.
    pub(super) fn wants(&self, device: &str, groups: &Groups) -> bool {
        self.0.as_ref().is_none_or(|(devices, selected)| {
            let is_in = |group: &GroupId| selected.contains(group);
            devices.contains(device) || (!selected.is_empty() && groups.of(device).any(is_in))
        })
    }
}

/// A filter would name more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many {what}: a stream may name {max}")]
pub struct TooMany {
    /// `device_ids`, `group_ids` or `metrics`.
    pub what: &'static str,
    /// The bound, `stream.filter_ids`.
    pub max: usize,
}

impl Filter {
    /// The filter as clients see it.
    pub fn shown(&self) -> Filters<'_> {
        Filters {
            device_ids: self.devices(),
            group_ids: self.groups(),
            metric_names: self.metric_names(),
            all_devices: self.wants_all_devices(),
        }
    }

    /// The metrics that events are narrowed to; none for all.
    pub fn metric_names(&self) -> &[Box<str>] {
        self.metrics().map_or(&[], |metrics| metrics.names())
    }

    /// Whether every device's events are wanted.
    pub fn wants_all_devices(&self) -> bool {
        self.selected.is_none()
    }

    /// The devices named, in the order in which they were named.
    pub fn devices(&self) -> &[DeviceId] {
        self.selected.as_ref().map_or(&[], |selected| &selected.devices)
    }

    /// The groups named, in the order in which they were named.
    pub fn groups(&self) -> &[GroupId] {
        self.selected.as_ref().map_or(&[], |selected| &selected.groups)
    }

    /// The metrics that events are narrowed to; none: all of them.
    pub fn metrics(&self) -> Option<&Arc<MetricSet>> {
        self.metrics.as_ref()
    }

    /// The bytes of all names together.
    pub fn bytes(&self) -> usize {
        let devices = self.devices().iter().map(|id| id.as_str().len());
        let groups = self.groups().iter().map(|id| id.as_str().len());
        let metrics = self.metrics.iter().flat_map(|metrics| metrics.names());
        devices.chain(groups).sum::<usize>() + metrics.map(|name| name.len()).sum::<usize>()
    }

    /// How many devices, groups and metrics it names, together.
    pub(super) fn names(&self) -> usize {
        let metrics = self.metrics.as_ref().map_or(0, |metrics| metrics.names().len());
        self.devices().len() + self.groups().len() + metrics
    }

    /// The filter, to be asked about many devices.
    pub(super) fn selection(&self) -> Selection<'_> {
        let Some(Selected { devices, groups }) = &self.selected else {
            return Selection(None);
        };
        let devices = devices.iter().map(DeviceId::as_str);
        Selection(Some((devices.collect(), groups.iter().collect())))
    }

    /// Adds devices, or the members of groups, to the devices wanted.
    ///
    /// # Errors
    /// If more than `max` would be named; the filter is then undefined, and is to be thrown away.
    pub fn add(&mut self, names: &Names, max: usize) -> Result<(), TooMany> {
        let Selected { devices, groups } = self.selected.get_or_insert_default();
        match names {
            Names::Device(id) => add(devices, from_ref(id), "device_ids", max),
            Names::Devices(ids) => add(devices, ids, "device_ids", max),
            Names::Group(id) => add(groups, from_ref(id), "group_ids", max),
            Names::Groups(ids) => add(groups, ids, "group_ids", max),
        }
    }

    /// Gives up devices or groups. Changes nothing while every device is wanted.
    pub fn remove(&mut self, names: &Names) {
        let Some(Selected { devices, groups }) = &mut self.selected else {
            return;
        };
        match names {
            Names::Device(id) => remove(devices, from_ref(id)),
            Names::Devices(ids) => remove(devices, ids),
            Names::Group(id) => remove(groups, from_ref(id)),
            Names::Groups(ids) => remove(groups, ids),
        }
    }

    /// Narrows events to `metrics`; none named means all of them.
    ///
    /// # Errors
    /// If more than `max` are named; the filter is unchanged.
    pub fn set_metrics(&mut self, metrics: Vec<String>, max: usize) -> Result<(), TooMany> {
        if metrics.len() > max {
            return Err(TooMany { what: "metrics", max });
        }
        self.metrics = (!metrics.is_empty()).then(|| Arc::new(MetricSet::new(metrics)));
        Ok(())
    }
}

/// Linear in both: a client may name a thousand again and again.
fn add<T: Clone + Eq + Hash>(to: &mut Vec<T>, new: &[T], what: &'static str, max: usize) -> Result<(), TooMany> {
    let mut named: HashSet<&T> = to.iter().collect();
    let fresh: Vec<T> = new.iter().filter(|name| named.insert(name)).cloned().collect();
    if to.len() + fresh.len() > max {
        return Err(TooMany { what, max });
    }
    drop(named);
    to.extend(fresh);
    Ok(())
}

fn remove<T: Eq + Hash>(from: &mut Vec<T>, names: &[T]) {
    let names: HashSet<&T> = names.iter().collect();
    from.retain(|name| !names.contains(name));
}

#[cfg(test)]
mod tests;
