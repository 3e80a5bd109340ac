//! Topics of MQTT as subjects of NATS.
//!
//! Invariant: a topic whose levels hold no `*`, no `>` and no white space, and the subject that NATS's MQTT makes of it, give
//! each other (measured on NATS 2.15): `/` is `.`, a `.` within a level is `//`, an empty level is `/`.

use std::sync::Arc;

use hashbrown::HashMap;

use floodway_protocol::names::{TenantId, is_wild};

/// What stands before the subject in NATS's own MQTT store.
pub(super) const MQTT_STORE: &str = "$MQTT.msgs.";

/// The level of a template that names the tenant.
const TENANT: &str = "{tenant}";

/// The topic of a subject, be it the plain one or that of NATS's MQTT store.
pub(super) fn topic_of(subject: &str) -> String {
    let subject = subject.strip_prefix(MQTT_STORE).unwrap_or(subject);
    let mut topic = String::with_capacity(subject.len());
    for (number, level) in subject.split('.').enumerate() {
        if number > 0 {
            topic.push('/');
        }
        let mut parts = if level == "/" { "" } else { level }.split("//");
        topic.push_str(parts.next().unwrap_or_default());
        for part in parts {
            topic.push('.');
            topic.push_str(part);
        }
    }
    topic
}

/// One level of a topic as a token of a subject.
fn token_of(level: &str) -> String {
    if level.is_empty() { "/".to_owned() } else { level.replace('.', "//") }
}

/// The topics of telemetry.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    templates: Vec<Vec<Level>>,
    /// Whose the events are where the topic does not say it.
    tenant: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Tenant,
    Any,
    Token(Box<str>),
}

impl Templates {
    /// Those of these templates, such as `tenant/{tenant}/device/{device}/telemetry`. Any other name in braces, and `+`,
    /// stands for any one level; where there is no `{tenant}`, events are those of `tenant`.
    pub(super) fn new(templates: &[String], tenant: Option<&str>) -> Self {
        let level = |level: &str| match level {
            TENANT => Level::Tenant,
            "+" => Level::Any,
            _ if level.starts_with('{') && level.ends_with('}') => Level::Any,
            literal => Level::Token(token_of(literal).into()),
        };
        let templates = templates.iter().map(|template| template.split('/').map(level).collect());
        Self { templates: templates.collect(), tenant: tenant.map(Box::from) }
    }

    /// The subjects of all tenants, none of which overlaps another.
    pub(super) fn all(&self) -> Vec<String> {
        disjoint(self.templates.iter().map(|template| subject(template, "*")).collect())
    }

    /// The subjects of one tenant, none of which overlaps another. There is none if it can't have events: with a name that NATS
    /// takes for a wildcard it would read what is another's.
    pub(super) fn of(&self, tenant: &TenantId) -> Vec<String> {
        if is_wild(tenant.as_str().as_bytes()) {
            return Vec::new();
        }
        let token = token_of(tenant.as_str());
        let is_of = |template: &&Vec<Level>| {
            template.contains(&Level::Tenant) || self.tenant.as_deref() == Some(tenant.as_str())
        };
        disjoint(self.templates.iter().filter(is_of).map(|template| subject(template, &token)).collect())
    }
}

fn subject(template: &[Level], tenant: &str) -> String {
    let tokens = template.iter().map(|level| match level {
        Level::Tenant => tenant,
        Level::Any => "*",
        Level::Token(token) => token,
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// `subjects` without overlaps, which NATS refuses: two that overlap become one that is as wide as both.
fn disjoint(mut subjects: Vec<String>) -> Vec<String> {
    let overlap = |subjects: &[String]| {
        let pairs = (0..subjects.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
        pairs
            .into_iter()
            .find_map(|(first, second)| widened(&subjects[first], &subjects[second]).map(|wide| (first, second, wide)))
    };
    while let Some((first, second, wide)) = overlap(&subjects) {
        subjects.remove(second);
        subjects[first] = wide;
    }
    subjects
}

/// A subject that covers both; none if no subject is matched by both.
fn widened(one: &str, other: &str) -> Option<String> {
    if one.split('.').count() != other.split('.').count() {
        return None;
    }
    let pairs = one.split('.').zip(other.split('.'));
    let tokens = pairs.map(|pair| match pair {
        (one, other) if one == other => Some(one),
        ("*", _) | (_, "*") => Some("*"),
        _ => None,
    });
    Some(tokens.collect::<Option<Vec<_>>>()?.join("."))
}

/// The topics of subjects that came lately: a device's is the same with each message.
#[derive(Debug, Default)]
pub(super) struct Topics(HashMap<Box<str>, Arc<str>>);

/// Subjects that are remembered. Beyond it all are forgotten.
const REMEMBERED: usize = 16_384;

impl Topics {
    pub(super) fn of(&mut self, subject: &str) -> Arc<str> {
        if let Some(topic) = self.0.get(subject) {
            return Arc::clone(topic);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let topic: Arc<str> = topic_of(subject).into();
        self.0.insert(subject.into(), Arc::clone(&topic));
        topic
    }
}

#[cfg(test)]
mod tests;
