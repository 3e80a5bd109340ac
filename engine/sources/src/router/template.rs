//! The shape of a topic: which of its levels name tenant, device and metric.

use std::fmt;
use std::str::FromStr;

use floodway_protocol::names::{self, BadName};

/// The longest template, in bytes. With a tenant's name in it a filter is far below what a broker takes.
const TEMPLATE_BYTES_MAX: usize = 1024;

/// A topic with placeholders for whole levels, such as `site/{device}/+/{metric}`. It has `{device}` once, `{tenant}` and
/// `{metric}` at most once, and `+` for levels that say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Box<[Level]>);

/// One level of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// This text, which may be empty.
    Literal(Box<str>),
    /// The name of a tenant.
    Tenant,
    /// The name of a device.
    Device,
    /// The name of a metric, whose value the payload may be.
    Metric,
    /// Any text.
    Any,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// Nobody would know whose the message is.
    #[error("needs {{device}}, such as site/{{device}}/data")]
    NoDevice,
    /// A placeholder stands there twice.
    #[error("has {0} twice")]
    Twice(String),
    /// A level has more than a placeholder, or another one.
    #[error("has the level {0:?}: a placeholder is a whole level, and one of {{tenant}}, {{device}}, {{metric}} and +")]
    Placeholder(String),
    /// A level that no topic has.
    #[error("has a level that {0}")]
    Level(BadName),
    /// `#` may stand for any number of levels.
    #[error("has #: write a template for each depth, with + for levels that say nothing")]
    Hash,
    /// What looks like a shared subscription is no topic.
    #[error("begins with $share, which no topic does")]
    Shared,
    /// More than 1,024 bytes.
    #[error("is longer than {TEMPLATE_BYTES_MAX} bytes")]
    TooLong,
}

/// The names in a topic. Each passes [`names::check`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// None if the template has none.
    pub(super) tenant: Option<&'a str>,
    pub(super) device: &'a str,
    pub(super) metric: Option<&'a str>,
}

impl Template {
    /// Whether its topics say whose they are.
    pub fn has_tenant(&self) -> bool {
        self.tenant_level().is_some()
    }

    /// Where the tenant stands.
    pub(super) fn tenant_level(&self) -> Option<usize> {
        self.0.iter().position(|level| *level == Level::Tenant)
    }

    /// Whether some topic has both shapes.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let are_alike = |(one, other): (&Level, &Level)| match (one, other) {
            (Level::Literal(one), Level::Literal(other)) => one == other,
            _ => true,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(are_alike)
    }

    /// Whether every topic of the other shape has this one too, but for its names.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let is_wider = |(one, other): (&Level, &Level)| !matches!(one, Level::Literal(_)) || one == other;
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_wider)
    }

    /// The names in `topic`, if it has this shape.
    pub(super) fn find<'a>(&self, topic: &'a str) -> Option<Found<'a>> {
        let mut found = Found::default();
        let mut texts = topic.split('/');
        for level in &self.0 {
            let text = texts.next()?;
            match level {
                Level::Literal(literal) if **literal != *text => return None,
                Level::Literal(_) | Level::Any => {}
                Level::Tenant => found.tenant = Some(name(text)?),
                Level::Device => found.device = name(text)?,
                Level::Metric => found.metric = Some(name(text)?),
            }
        }
        texts.next().is_none().then_some(found)
    }

    /// The topic in which each level that is no literal is what `text` says.
    pub(crate) fn topic<'a>(&'a self, text: impl Fn(&Level) -> &'a str) -> String {
        let texts = self.0.iter().map(|level| match level {
            Level::Literal(literal) => literal,
            other => text(other),
        });
        texts.collect::<Vec<_>>().join("/")
    }
}

fn name(text: &str) -> Option<&str> {
    names::check(text).is_ok().then_some(text)
}

impl FromStr for Template {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(BadTemplate::TooLong);
        }
        let levels: Box<[Level]> = text.split('/').map(level).collect::<Result<_, _>>()?;
        if matches!(&levels[0], Level::Literal(first) if &**first == "$share") {
            return Err(BadTemplate::Shared);
        }
        let count = |level: &Level| levels.iter().filter(|other| *other == level).count();
        let named = [Level::Tenant, Level::Device, Level::Metric];
        if let Some(twice) = named.into_iter().find(|level| count(level) > 1) {
            return Err(BadTemplate::Twice(twice.to_string()));
        }
        if count(&Level::Device) == 0 {
            return Err(BadTemplate::NoDevice);
        }
        Ok(Self(levels))
    }
}

fn level(text: &str) -> Result<Level, BadTemplate> {
    match text {
        "{tenant}" => Ok(Level::Tenant),
        "{device}" => Ok(Level::Device),
        "{metric}" => Ok(Level::Metric),
        "+" => Ok(Level::Any),
        "" => Ok(Level::Literal(Box::default())),
        other if other.contains('#') => Err(BadTemplate::Hash),
        other if other.contains(['{', '}', '+']) => Err(BadTemplate::Placeholder(other.to_owned())),
        other => names::check(other).map(|()| Level::Literal(Box::from(other))).map_err(BadTemplate::Level),
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal(text) => text,
            Self::Tenant => "{tenant}",
            Self::Device => "{device}",
            Self::Metric => "{metric}",
            Self::Any => "+",
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, level) in self.0.iter().enumerate() {
            write!(f, "{}{level}", if n > 0 { "/" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
