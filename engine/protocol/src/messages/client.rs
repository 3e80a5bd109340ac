//! A client's message: its text, read into an [`Action`].
//!
//! Invariant: reading is pure, and total. Any text gives an action whose ids may all be levels of a topic, or one
//! [`Mistake`] whose text may be shown to the client; it never ends the stream.
//!
//! Of a key that is given twice the last value counts, `null` counts as not given, and unknown keys are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::names::{BadName, DeviceId, GroupId};

/// The most characters of an unknown action that the answer repeats.
const ACTION_CHARS_SHOWN: usize = 64;

/// Devices or groups, in the form in which the client named them: the answer has the same form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// `device_id`
    Device(DeviceId),
    /// `device_ids`
    Devices(Vec<DeviceId>),
    /// `group_id`
    Group(GroupId),
    /// `group_ids`
    Groups(Vec<GroupId>),
}

/// What a client asks of its stream.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Add to the filters. Never empty; in the order `device_id`, `device_ids`, `group_id`, `group_ids`, and to be
    /// answered one by one in this order.
    Subscribe(Vec<Names>),
    /// Take out of the filters. As in [`Action::Subscribe`].
    Unsubscribe(Vec<Names>),
    /// Narrow events to these metrics; none named, or no `metrics` at all, means all again.
    SetMetrics(Vec<String>),
    /// Back to every device and every metric.
    ClearFilters,
    /// Show the filters.
    GetFilters,
    /// Live on with a newer token. It is not checked here, and a secret.
    Refresh {
        /// The JWT as it came.
        token: String,
    },
    /// Asks for a pong.
    Ping,
}

/// Why a message is no action. Its text is the `message` of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Not JSON (RFC 8259).
    #[error("Invalid JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("Message must be a JSON object")]
    NotAnObject,
    /// No `action`.
    #[error("Missing action")]
    NoAction,
    /// An action that there is not; cut to its first characters.
    #[error("Unknown action: {0}")]
    UnknownAction(String),
    /// A key whose value must be a string.
    #[error("{0} must be a string")]
    NotAString(&'static str),
    /// A key whose value must be a list of strings.
    #[error("{0} must be a list of strings")]
    NotAList(&'static str),
    /// `subscribe` or `unsubscribe` without anything named.
    #[error("Missing device_id, device_ids, group_id or group_ids")]
    NoNames,
    /// `refresh` without a token.
    #[error("Missing token")]
    NoToken,
    /// An id that may not be a level of a topic.
    #[error("{0} {1}")]
    BadId(&'static str, BadName),
    /// The same, with its index in the list, from 0.
    #[error("{0}[{1}] {2}")]
    BadIdInList(&'static str, usize, BadName),
    /// More devices, groups or metrics in one message than one subscriber may name.
    #[error("Too many {0}: at most {1}")]
    TooMany(&'static str, usize),
}

/// Reads one client message. `ids_max` bounds its devices, its groups and its metrics, each.
///
/// # Errors
/// The first mistake found; nothing of the message takes effect then.
pub fn parse(text: &str, ids_max: usize) -> Result<Action, Mistake> {
    let fields = Fields::parse(text)?;
    let action = string("action", fields.action)?.ok_or(Mistake::NoAction)?;
    match &*action {
        "subscribe" => fields.names(ids_max).map(Action::Subscribe),
        "unsubscribe" => fields.names(ids_max).map(Action::Unsubscribe),
        "set_metrics" => fields.metrics(ids_max).map(Action::SetMetrics),
        "clear_filters" => Ok(Action::ClearFilters),
        "get_filters" => Ok(Action::GetFilters),
        "refresh" => fields.token().map(|token| Action::Refresh { token }),
        "ping" => Ok(Action::Ping),
        unknown => Err(Mistake::UnknownAction(unknown.chars().take(ACTION_CHARS_SHOWN).collect())),
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribe(names) => f.debug_tuple("Subscribe").field(names).finish(),
            Self::Unsubscribe(names) => f.debug_tuple("Unsubscribe").field(names).finish(),
            Self::SetMetrics(metrics) => f.debug_tuple("SetMetrics").field(metrics).finish(),
            Self::ClearFilters => f.write_str("ClearFilters"),
            Self::GetFilters => f.write_str("GetFilters"),
            // A token is never logged.
            Self::Refresh { .. } => f.debug_struct("Refresh").finish_non_exhaustive(),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

/// The values of the keys that matter, as the message has them.
#[derive(Default)]
struct Fields<'a> {
    action: Option<&'a RawValue>,
    device_id: Option<&'a RawValue>,
    device_ids: Option<&'a RawValue>,
    group_id: Option<&'a RawValue>,
    group_ids: Option<&'a RawValue>,
    metrics: Option<&'a RawValue>,
    token: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, Mistake> {
        serde_json::from_str(text).map_err(
            |error| {
                if error.is_data() { Mistake::NotAnObject } else { Mistake::NotJson }
            },
        )
    }

    fn names(&self, ids_max: usize) -> Result<Vec<Names>, Mistake> {
        let device = id("device_id", self.device_id, DeviceId::parse)?;
        let devices = ids("device_ids", self.device_ids, DeviceId::parse)?;
        let group = id("group_id", self.group_id, GroupId::parse)?;
        let groups = ids("group_ids", self.group_ids, GroupId::parse)?;
        at_most(ids_max, "devices", count(&device, &devices))?;
        at_most(ids_max, "groups", count(&group, &groups))?;

        let in_order = [
            device.map(Names::Device),
            devices.map(Names::Devices),
            group.map(Names::Group),
            groups.map(Names::Groups),
        ];
        let names: Vec<_> = in_order.into_iter().flatten().collect();
        if names.is_empty() {
            return Err(Mistake::NoNames);
        }
        Ok(names)
    }

    fn metrics(&self, ids_max: usize) -> Result<Vec<String>, Mistake> {
        let metrics = strings("metrics", self.metrics)?.unwrap_or_default();
        at_most(ids_max, "metrics", metrics.len())?;
        Ok(metrics.into_iter().map(|Text(metric)| metric.into_owned()).collect())
    }

    fn token(&self) -> Result<String, Mistake> {
        match string("token", self.token)? {
            Some(token) if !token.is_empty() => Ok(token.into_owned()),
            _ => Err(Mistake::NoToken),
        }
    }
}

fn id<T>(
    key: &'static str,
    value: Option<&RawValue>,
    parse: fn(&str) -> Result<T, BadName>,
) -> Result<Option<T>, Mistake> {
    string(key, value)?
        .map(|id| parse(&id).map_err(|bad| Mistake::BadId(key, bad)))
        .transpose()
}

fn ids<T>(
    key: &'static str,
    value: Option<&RawValue>,
    parse: fn(&str) -> Result<T, BadName>,
) -> Result<Option<Vec<T>>, Mistake> {
    let Some(ids) = strings(key, value)? else {
        return Ok(None);
    };
    let ids = ids.iter().enumerate();
    ids.map(|(nth, Text(id))| parse(id).map_err(|bad| Mistake::BadIdInList(key, nth, bad)))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn count<T>(one: &Option<T>, list: &Option<Vec<T>>) -> usize {
    usize::from(one.is_some()) + list.as_ref().map_or(0, Vec::len)
}

fn at_most(max: usize, what: &'static str, count: usize) -> Result<(), Mistake> {
    if count > max {
        return Err(Mistake::TooMany(what, max));
    }
    Ok(())
}

/// A JSON string, borrowed from the message if it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn string<'a>(key: &'static str, value: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, Mistake> {
    let text = read(value, Mistake::NotAString(key))?;
    Ok(text.map(|Text(text)| text))
}

fn strings<'a>(key: &'static str, value: Option<&'a RawValue>) -> Result<Option<Vec<Text<'a>>>, Mistake> {
    read(value, Mistake::NotAList(key))
}

/// The value, if one is given that is not `null`.
///
/// # Errors
/// The mistake, if it is of another type.
fn read<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>, mistake: Mistake) -> Result<Option<T>, Mistake> {
    let read = value.map_or(Ok(None), |value| serde_json::from_str(value.get()));
    read.map_err(|_| mistake)
}

/// By hand: a derived one would take lists too, and refuse a key that is given twice.
impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Fields::default();
        while let Some(Text(key)) = map.next_key()? {
            let field = match &*key {
                "action" => &mut fields.action,
                "device_id" => &mut fields.device_id,
                "device_ids" => &mut fields.device_ids,
                "group_id" => &mut fields.group_id,
                "group_ids" => &mut fields.group_ids,
                "metrics" => &mut fields.metrics,
                "token" => &mut fields.token,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
