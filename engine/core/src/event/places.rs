//! Where in a sample its metrics and its timestamp stand.
//!
//! Invariant: nothing of a sample is found but what its metrics and its timestamp are; neither contains the other. Of a
//! name that an object has twice, compared without escapes, the last one counts.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde_json::Value;

use super::Rejection;
use super::tokens::{Object, Text};

/// Where the metrics stand by default.
pub(super) const METRICS: &str = "metrics";

/// Where the timestamp stands by default.
pub(super) const TIMESTAMP: &str = "ts";

/// The member with which devices prove themselves. It is a metric of no flat payload.
const PROVISION_TOKEN: &str = "provision_token";

/// A place in a sample: names of members, each inside the one before. Without any it is the sample itself, written `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Box<[Box<str>]>);

/// A text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected names with dots between them, such as metrics or data.values, or . for the object itself")]
pub struct BadPath;

impl Path {
    /// The member of this name.
    pub(super) fn of(name: &str) -> Self {
        Self(Box::new([Box::from(name)]))
    }

    /// The smallest sample that has `value` here.
    pub fn around(&self, value: Value) -> Value {
        self.0
            .iter()
            .rev()
            .fold(value, |value, name| Value::Object([(name.to_string(), value)].into_iter().collect()))
    }

    /// Whether what stands at `other` is a part of what stands here, or the same.
    pub fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        if text == "." {
            return Ok(Self(Box::default()));
        }
        let names = text.split('.').map(|name| (!name.is_empty()).then(|| Box::from(name)));
        names.collect::<Option<_>>().map(Self).ok_or(BadPath)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { "" })?;
        for (n, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if n > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

/// Both places of a payload.
#[derive(Debug)]
pub(super) struct Places {
    metrics: Path,
    /// None is never found.
    timestamp: Option<Path>,
    /// Both are where they are by default.
    are_usual: bool,
    /// Names of members that are no metrics though they stand among them.
    left_out: Box<[Box<str>]>,
}

/// What stands at the two places.
pub(super) struct Found {
    /// The first token of the metrics, if they are there.
    pub(super) metrics: Option<usize>,
    pub(super) timestamp: Option<Range<usize>>,
}

impl Places {
    /// A timestamp that would hold the metrics is never found.
    pub(super) fn new(metrics: &Path, timestamp: &Path) -> Self {
        let within = timestamp.0.strip_prefix(&*metrics.0).and_then(|rest| rest.first());
        let secret = metrics.0.is_empty().then(|| Box::from(PROVISION_TOKEN));
        Self {
            metrics: metrics.clone(),
            timestamp: (!timestamp.holds(metrics)).then(|| timestamp.clone()),
            are_usual: *metrics == Path::of(METRICS) && *timestamp == Path::of(TIMESTAMP),
            left_out: within.cloned().into_iter().chain(secret).collect(),
        }
    }

    /// Names of members that are no metrics though they stand among them.
    pub(super) fn left_out(&self) -> &[Box<str>] {
        &self.left_out
    }

    /// Looks into the sample that begins with `token`, which is an object.
    pub(super) fn find(&self, text: Text<'_>, token: usize) -> Result<Found, Rejection> {
        let object = Object::at(text, token).ok_or(Rejection::NotAnObject)?;
        let timestamp = self.timestamp.as_ref().map(|path| &*path.0);
        // One look at each member, and for nearly all payloads the names are known while this is compiled.
        if self.are_usual {
            return Ok(find_members(text, object, METRICS, TIMESTAMP));
        }
        if let ([metrics], Some([timestamp])) = (&*self.metrics.0, timestamp) {
            return Ok(find_members(text, object, metrics, timestamp));
        }
        self.find_by_path(text, token, timestamp)
    }

    #[inline(never)]
    fn find_by_path(&self, text: Text<'_>, token: usize, timestamp: Option<&[Box<str>]>) -> Result<Found, Rejection> {
        let metrics = find(text, token, &self.metrics.0).map_err(|NoObject| Rejection::MetricsNotAnObject)?;
        let timestamp = timestamp.and_then(|path| find(text, token, path).ok().flatten());
        Ok(Found { metrics, timestamp: timestamp.map(|token| text.value(token)) })
    }
}

#[inline]
fn find_members(text: Text<'_>, object: Object<'_>, metrics: &str, timestamp: &str) -> Found {
    let mut found = Found { metrics: None, timestamp: None };
    for entry in object {
        let name = text.name(&entry);
        if name == metrics.as_bytes() {
            found.metrics = Some(entry.value_token);
        } else if name == timestamp.as_bytes() {
            found.timestamp = Some(entry.value);
        }
    }
    found
}

/// Something on the way is not an object.
struct NoObject;

/// The first token of what stands at the end of `path`, if it is there.
fn find(text: Text<'_>, from: usize, path: &[Box<str>]) -> Result<Option<usize>, NoObject> {
    let mut token = from;
    for name in path {
        let members = Object::at(text, token).ok_or(NoObject)?;
        match members.filter(|member| text.name(member) == name.as_bytes()).last() {
            Some(member) => token = member.value_token,
            None => return Ok(None),
        }
    }
    Ok(Some(token))
}
