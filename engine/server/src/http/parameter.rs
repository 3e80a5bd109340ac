//! The names of a stream's query parameters, and names that resemble one.
//!
//! Invariant: a parameter that was meant to narrow a stream is never ignored. A name that is almost one of these is a
//! mistake, whose text names the right one. A name that resembles none, such as a cache buster's, is ignored.

/// A parameter that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    Token,
    Tenant,
    Devices,
    Groups,
    Metrics,
    LastEventId,
    Overflow,
    MaxRate,
    Snapshot,
}

/// Each parameter in its order, and its names, the documented one first.
const NAMES: [(Parameter, &[&str]); 9] = [
    (Parameter::Token, &["token"]),
    (Parameter::Tenant, &["tenant"]),
    (Parameter::Devices, &["device_id", "device_ids"]),
    (Parameter::Groups, &["group_id", "group_ids"]),
    (Parameter::Metrics, &["metric", "metrics"]),
    (Parameter::LastEventId, &["last_event_id", "lastEventId"]),
    (Parameter::Overflow, &["overflow"]),
    (Parameter::MaxRate, &["max_rate"]),
    (Parameter::Snapshot, &["snapshot"]),
];

/// Names with such a beginning were meant for these.
const STEMS: [(&str, Parameter); 6] = [
    ("device", Parameter::Devices),
    ("group", Parameter::Groups),
    ("metric", Parameter::Metrics),
    ("overflow", Parameter::Overflow),
    ("maxrate", Parameter::MaxRate),
    ("snapshot", Parameter::Snapshot),
];

/// Names as [`plain`] gives them, and the parameters that they resemble.
const PLAIN: [(&[&str], Parameter); 8] = [
    (&["device", "deviceid", "deviceids"], Parameter::Devices),
    (&["group", "groupid", "groupids"], Parameter::Groups),
    (&["metric", "metrics"], Parameter::Metrics),
    (&["tenant", "tenantid"], Parameter::Tenant),
    (&["lasteventid"], Parameter::LastEventId),
    (&["overflow"], Parameter::Overflow),
    (&["maxrate"], Parameter::MaxRate),
    (&["snapshot"], Parameter::Snapshot),
];

/// Plain names at least this long may have one wrong letter.
const LONG_ENOUGH: usize = 5;

impl Parameter {
    /// The parameter of exactly this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(_, names)| names.contains(&name));
        found.map(|(parameter, _)| *parameter)
    }

    /// The parameter that `name`, which is not one, was probably meant for.
    pub(super) fn resembling(name: &str) -> Option<Self> {
        let name = plain(name);
        if let Some((_, meant)) = STEMS.iter().find(|(stem, _)| name.starts_with(stem)) {
            return Some(*meant);
        }
        let is_close = |known: &&str| {
            name == *known || (name.len() >= LONG_ENOUGH && strsim::damerau_levenshtein(&name, known) == 1)
        };
        let close = PLAIN.iter().find(|(known, _)| known.iter().any(is_close));
        close.map(|(_, meant)| *meant)
    }

    /// Whether it says which events the client wants.
    pub(super) fn narrows(self) -> bool {
        matches!(self, Self::Devices | Self::Groups | Self::Metrics)
    }

    /// Its name in the documentation.
    pub(super) fn name(self) -> &'static str {
        NAMES[self as usize].1[0]
    }
}

/// A name without what frameworks add to it: case, separators, and the brackets of a list. Only its beginning: no parameter
/// has a longer name.
fn plain(name: &str) -> String {
    let name = name.split('[').next().unwrap_or_default();
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' '));
    letters.take(32).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
