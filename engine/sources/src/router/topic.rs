//! Messages as sources hand them over.

use super::topics::{Names, Topics};
use floodway_protocol::names;

/// A message as a source hands it over. Its topic is parsed once, here.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    pub(super) topic: &'a [u8],
    pub(super) address: Option<Address<'a>>,
    pub(super) payload: &'a [u8],
}

/// Whose a message is, and the text of its topic, which an event repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    pub(super) topic: &'a str,
    pub(super) tenant: &'a str,
    pub(super) device: &'a str,
    pub(super) metric: Option<&'a str>,
}

impl<'a> RawMessage<'a> {
    /// A message with this topic, which is one of `topics` or no telemetry.
    #[inline]
    pub fn new(topics: &'a Topics, topic: &'a [u8], payload: &'a [u8]) -> Self {
        let address = str::from_utf8(topic).ok().and_then(|topic| {
            let Names { tenant, device, metric } = topics.names(topic)?;
            Some(Address { topic, tenant, device, metric })
        });
        Self { topic, address, payload }
    }

    /// A message of a source without topics; `topic` is what [`Topics::topic_of`] makes of the names.
    pub fn of(tenant: &'a str, device: &'a str, topic: &'a str, payload: &'a [u8]) -> Self {
        let are_names = names::check(tenant).is_ok() && names::check(device).is_ok();
        let address = are_names.then_some(Address { topic, tenant, device, metric: None });
        Self { topic: topic.as_bytes(), address, payload }
    }

    /// Whose it is; none if it is not telemetry.
    pub fn tenant(&self) -> Option<&'a str> {
        self.address.map(|address| address.tenant)
    }
}

#[cfg(test)]
mod tests;
