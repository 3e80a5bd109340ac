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

/// A JWT as it came: a secret, which is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

/// What a client asks of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add to the filters. Never empty; in the order `device_id`, `device_ids`, `group_id`, `group_ids`, and to be
    /// answered one by one in this order.
    Subscribe {
        /// What is added.
        names: Vec<Names>,
        /// Whether the last events of what is added follow the answers.
        snapshot: bool,
    },
    /// Take out of the filters. As in [`Action::Subscribe`].
    Unsubscribe(Vec<Names>),
    /// Narrow events to these metrics; none named, or no `metrics` at all, means all again.
    SetMetrics(Vec<String>),
    /// Back to every device and every metric.
    ClearFilters,
    /// Show the filters.
    GetFilters,
    /// Live on with a newer token, which is not checked here.
    Refresh(Token),
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
    /// A key whose value must be a boolean.
    #[error("{0} must be true or false")]
    NotABoolean(&'static str),
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
    let Text(action) = fields.string("action")?.ok_or(Mistake::NoAction)?;
    match &*action {
        "subscribe" => {
            let names = fields.names(ids_max)?;
            Ok(Action::Subscribe { names, snapshot: fields.boolean("snapshot")?.unwrap_or_default() })
        }
        "unsubscribe" => fields.names(ids_max).map(Action::Unsubscribe),
        "set_metrics" => fields.metrics(ids_max).map(Action::SetMetrics),
        "clear_filters" => Ok(Action::ClearFilters),
        "get_filters" => Ok(Action::GetFilters),
        "refresh" => fields.token().map(Action::Refresh),
        "ping" => Ok(Action::Ping),
        unknown => Err(Mistake::UnknownAction(unknown.chars().take(ACTION_CHARS_SHOWN).collect())),
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The keys that matter.
const KEYS: [&str; 8] = ["action", "device_id", "device_ids", "group_id", "group_ids", "metrics", "snapshot", "token"];

/// The values of [`KEYS`], as the message has them.
#[derive(Default)]
struct Fields<'a>([Option<&'a RawValue>; KEYS.len()]);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, Mistake> {
        let mistake = |error: serde_json::Error| if error.is_data() { Mistake::NotAnObject } else { Mistake::NotJson };
        serde_json::from_str(text).map_err(mistake)
    }

    /// The value of `key`, if one is given that is not `null`.
    ///
    /// # Errors
    /// The mistake, if it is of another type.
    fn read<T: Deserialize<'a>>(&self, key: &str, mistake: Mistake) -> Result<Option<T>, Mistake> {
        let value = KEYS.iter().position(|known| *known == key).and_then(|at| self.0[at]);
        let read = value.map_or(Ok(None), |value| serde_json::from_str(value.get()));
        read.map_err(|_| mistake)
    }

    fn string(&self, key: &'static str) -> Result<Option<Text<'a>>, Mistake> {
        self.read(key, Mistake::NotAString(key))
    }

    fn strings(&self, key: &'static str) -> Result<Option<Vec<Text<'a>>>, Mistake> {
        self.read(key, Mistake::NotAList(key))
    }

    fn boolean(&self, key: &'static str) -> Result<Option<bool>, Mistake> {
        self.read(key, Mistake::NotABoolean(key))
    }

    fn id<T>(&self, key: &'static str, parse: ParseName<T>) -> Result<Option<T>, Mistake> {
        let id = self.string(key)?;
        id.map(|Text(id)| parse(&id).map_err(|bad| Mistake::BadId(key, bad))).transpose()
    }

    fn ids<T>(&self, key: &'static str, parse: ParseName<T>) -> Result<Option<Vec<T>>, Mistake> {
        let Some(ids) = self.strings(key)? else {
            return Ok(None);
        };
        let ids = ids.iter().enumerate();
        let ids = ids.map(|(nth, Text(id))| parse(id).map_err(|bad| Mistake::BadIdInList(key, nth, bad)));
        ids.collect::<Result<_, _>>().map(Some)
    }

    fn names(&self, ids_max: usize) -> Result<Vec<Names>, Mistake> {
        let device = self.id("device_id", DeviceId::parse)?;
        let devices = self.ids("device_ids", DeviceId::parse)?;
        let group = self.id("group_id", GroupId::parse)?;
        let groups = self.ids("group_ids", GroupId::parse)?;
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
        let metrics = self.strings("metrics")?.unwrap_or_default();
        at_most(ids_max, "metrics", metrics.len())?;
        Ok(metrics.into_iter().map(|Text(metric)| metric.into_owned()).collect())
    }

    fn token(&self) -> Result<Token, Mistake> {
        match self.string("token")? {
            Some(Text(token)) if !token.is_empty() => Ok(Token(token.into_owned())),
            _ => Err(Mistake::NoToken),
        }
    }
}

type ParseName<T> = fn(&str) -> Result<T, BadName>;

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
            match KEYS.iter().position(|known| *known == key) {
                Some(at) => fields.0[at] = Some(map.next_value()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
