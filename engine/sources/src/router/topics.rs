//! The topics on which devices publish, and whose each of them is.
//!
//! Invariant: the first template that a topic fits counts. Two templates that a topic may fit say the same of its tenant, and
//! one of them covers the other: so what is asked for at a source never makes it send a message twice.

use super::template::{Level, Template};
use super::usual::{self, USUAL};
use floodway_protocol::names::TenantId;

/// How many templates there may be: the filters of one tenant are asked for in one request, of which some brokers take eight.
const TEMPLATES_MAX: usize = 8;

/// Stands in topics that are made for levels that say nothing of a device.
const NOTHING: &str = "_";

/// The topics of all devices: templates, and the tenant of those that name none.
#[derive(Clone, Debug)]
pub struct Topics {
    templates: Box<[Template]>,
    tenant: Option<TenantId>,
    /// There is one template, and it is the usual one, which is parsed faster.
    is_usual: bool,
}

/// Why templates can't stand together. The texts name the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTopics {
    /// None, or more than eight.
    #[error("needs one template at least, and {TEMPLATES_MAX} at most")]
    Count,
    /// Nobody says whose the messages are.
    #[error("{0} has no {{tenant}}: set mqtt.tenant (FLOODWAY_MQTT_TENANT) to the tenant whose devices these are")]
    NoTenant(Template),
    /// A broker may send such a message twice.
    #[error(
        "{0} and {1} fit the same topics: keep one of them, or write them so that one fits whatever the other does, with \
         {{tenant}} at the same place"
    )]
    Overlap(Template, Template),
}

/// The names in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// The tenant, which may be that of all topics without one.
    pub tenant: &'a str,
    /// The device.
    pub device: &'a str,
    /// The metric whose value the payload may be.
    pub metric: Option<&'a str>,
}

impl Default for Topics {
    /// `tenant/{tenant}/device/{device}/telemetry`.
    fn default() -> Self {
        Self { templates: Box::new([usual_template()]), tenant: None, is_usual: true }
    }
}

/// The usual template, compiled.
pub(crate) fn usual_template() -> Template {
    USUAL.parse().expect("a template")
}

impl Topics {
    /// The topics of these templates; those without `{tenant}` are of devices of `tenant`.
    ///
    /// # Errors
    /// If they can't stand together.
    pub fn new(templates: &[Template], tenant: Option<&TenantId>) -> Result<Self, BadTopics> {
        if templates.is_empty() || templates.len() > TEMPLATES_MAX {
            return Err(BadTopics::Count);
        }
        let orphan = templates.iter().find(|template| !template.has_tenant());
        if let (Some(orphan), None) = (orphan, tenant) {
            return Err(BadTopics::NoTenant(orphan.clone()));
        }
        for (n, later) in templates.iter().enumerate() {
            let conflict = templates[..n].iter().find(|earlier| !can_stand_together(earlier, later));
            if let Some(earlier) = conflict {
                return Err(BadTopics::Overlap(earlier.clone(), later.clone()));
            }
        }
        Ok(Self {
            templates: Box::from(templates),
            tenant: tenant.cloned(),
            is_usual: *templates == [usual_template()],
        })
    }

    /// The templates in order.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The tenant of the topics without one.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Whether there may be topics of this tenant.
    pub fn has_tenant(&self, tenant: &TenantId) -> bool {
        self.tenant.as_ref() == Some(tenant) || self.templates.iter().any(Template::has_tenant)
    }

    /// The names in `topic`, by the first template that it fits; none if it fits none.
    #[inline]
    pub fn names<'a>(&'a self, topic: &'a str) -> Option<Names<'a>> {
        if self.is_usual {
            return usual::parse(topic).map(|(tenant, device)| Names { tenant, device, metric: None });
        }
        self.find(topic)
    }

    fn find<'a>(&'a self, topic: &'a str) -> Option<Names<'a>> {
        let found = self.templates.iter().find_map(|template| template.find(topic))?;
        let tenant = found.tenant.or(self.tenant.as_ref().map(TenantId::as_str))?;
        Some(Names { tenant, device: found.device, metric: found.metric })
    }

    /// The topic of a device's telemetry where its source has none: what the first template makes of the names. `_` stands
    /// for a metric, and for levels that say nothing.
    pub fn topic_of(&self, tenant: &str, device: &str) -> String {
        self.make(tenant, device, NOTHING)
    }

    /// A topic that fits the first template, of the tenant `TENANT1` if it has one, the device `DEV-001` and the metric
    /// `temperature`.
    pub fn example(&self) -> String {
        self.make("TENANT1", "DEV-001", "temperature")
    }

    fn make(&self, tenant: &str, device: &str, metric: &str) -> String {
        self.templates[0].topic(|level| match level {
            Level::Tenant => tenant,
            Level::Device => device,
            Level::Metric => metric,
            Level::Any | Level::Literal(_) => NOTHING,
        })
    }
}

/// Whether a source that is asked for the topics of both sends none twice, and a message is of one tenant by either.
fn can_stand_together(one: &Template, other: &Template) -> bool {
    let is_one_wider = one.covers(other) || other.covers(one);
    !one.overlaps(other) || is_one_wider && one.tenant_level() == other.tenant_level()
}

#[cfg(test)]
mod tests;
