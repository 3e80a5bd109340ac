//! The query of a stream's request: a token, a filter, where to resume, and options.

use std::borrow::Cow;

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;

use super::parameter::Parameter;
use chosen::Chosen;
use floodway_core::index::Limits;
use floodway_core::shard::{Filter, Options};
use floodway_protocol::messages::client::Names;
use floodway_protocol::names::{BadName, DeviceId, GroupId};

mod chosen;

/// Characters of an unknown parameter's name that the answer repeats.
const NAME_CHARS_SHOWN: usize = 64;

/// The parameters of a request for a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) token: Option<String>,
    /// Which of the token's tenants the stream is for.
    pub(super) tenant: Option<String>,
    devices: Vec<String>,
    groups: Vec<String>,
    metrics: Vec<String>,
    last_event_id: Option<String>,
    chosen: Chosen,
    /// What is wrong with a parameter.
    mistake: Option<String>,
}

/// Where a stream resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// Not asked for: events from now on.
    No,
    /// From now on, but the client wants to be able to resume.
    FromNow,
    /// After this event; `None` if the text is no id of an event.
    After(Option<u64>),
}

impl Query {
    /// Reads the query of `uri`. A list that is given twice adds up. A parameter that resembles none is ignored; a mistake
    /// is kept for [`Query::filter`].
    pub(super) fn parse(uri: &Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name);
            let lossy = String::from_utf8_lossy(&name);
            match Parameter::of(&lossy) {
                Some(parameter) => query.take(parameter, &decoded(value)),
                None => query.judge(&lossy),
            }
        }
        query
    }

    fn take(&mut self, parameter: Parameter, value: &[u8]) {
        // A token or id that is no UTF-8 needs no error of its own: such a one was never issued.
        let text = String::from_utf8_lossy(value);
        if matches!(text, Cow::Owned(_)) && parameter.narrows() {
            let name = parameter.name();
            self.mistake(|| format!("{name} is not UTF-8; percent-encode its UTF-8 bytes"));
        }
        match parameter {
            Parameter::Token if !text.is_empty() => self.token = Some(text.into_owned()),
            Parameter::Tenant if !text.is_empty() => self.tenant = Some(text.into_owned()),
            Parameter::Token | Parameter::Tenant => {}
            Parameter::Devices => self.devices.extend(list(&text)),
            Parameter::Groups => self.groups.extend(list(&text)),
            Parameter::Metrics => self.metrics.extend(list(&text)),
            Parameter::LastEventId => self.last_event_id = Some(text.into_owned()),
            Parameter::Overflow => self.chosen.overflow = text.into_owned(),
            Parameter::MaxRate => self.chosen.max_rate = text.into_owned(),
            Parameter::Snapshot => self.chosen.snapshot = text.into_owned(),
        }
    }

    fn judge(&mut self, name: &str) {
        if let Some(meant) = Parameter::resembling(name) {
            let shown: String = name.chars().take(NAME_CHARS_SHOWN).collect();
            let meant = meant.name();
            self.mistake(|| format!("Unknown parameter {shown:?}: use {meant}"));
        }
    }

    /// Keeps the first mistake.
    fn mistake(&mut self, mistake: impl FnOnce() -> String) {
        self.mistake.get_or_insert_with(mistake);
    }

    /// The filter that the stream begins with.
    ///
    /// # Errors
    /// Names the parameter and what is wrong with it.
    pub(super) fn filter(&self, ids_max: usize) -> Result<Filter, String> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let mut filter = Filter::default();
        if !self.devices.is_empty() {
            let devices = names("device_id", &self.devices, DeviceId::parse)?;
            filter.add(&Names::Devices(devices), ids_max).map_err(|error| error.to_string())?;
        }
        if !self.groups.is_empty() {
            let groups = names("group_id", &self.groups, GroupId::parse)?;
            filter.add(&Names::Groups(groups), ids_max).map_err(|error| error.to_string())?;
        }
        filter.set_metrics(self.metrics.clone(), ids_max).map_err(|error| error.to_string())?;
        Ok(filter)
    }

    /// What its client chose for the stream, which must be among what `limits` allow.
    ///
    /// # Errors
    /// Names the parameter and what it may be.
    pub(super) fn options(&self, limits: &Limits) -> Result<Options, String> {
        self.chosen.options(limits)
    }

    /// Where the stream resumes. The header, which browsers send by themselves, wins. Any text that is not empty is taken for
    /// an id, since a browser that is refused does not come back; a text that is no id counts as an unknown one.
    pub(super) fn resume(&self, headers: &HeaderMap) -> Resume {
        let header = headers.get("last-event-id").map(|value| value.as_bytes()).filter(|id| !id.is_empty());
        match header.or(self.last_event_id.as_deref().map(str::as_bytes)) {
            None => Resume::No,
            Some(b"") => Resume::FromNow,
            Some(id) => Resume::After(str::from_utf8(id).ok().and_then(|id| id.parse().ok())),
        }
    }
}

/// `application/x-www-form-urlencoded` (URL, 5.1): `+` is a space.
fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

/// Clients write lists with spaces, and with commas that have nothing between them.
fn list(value: &str) -> impl Iterator<Item = String> {
    let parts = value.split(',').map(|part| part.trim_matches([' ', '\t']));
    parts.filter(|part| !part.is_empty()).map(str::to_owned)
}

fn names<T>(parameter: &str, texts: &[String], parse: fn(&str) -> Result<T, BadName>) -> Result<Vec<T>, String> {
    texts.iter().map(|text| parse(text).map_err(|bad| format!("{parameter} {bad}"))).collect()
}

#[cfg(test)]
mod tests;
