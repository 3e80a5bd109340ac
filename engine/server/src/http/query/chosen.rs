//! What a client chose for its stream: the texts of its query, and what they mean.

use floodway_core::index::{Limits, Overflow};
use floodway_core::shard::Options;
use floodway_protocol::messages::max_rate::MaxRate;

/// The values of parameters, each the last one that was given. An empty one is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) overflow: String,
    pub(super) max_rate: String,
    pub(super) snapshot: String,
}

impl Chosen {
    /// See [`Query::options`](super::Query::options).
    pub(super) fn options(&self, limits: &Limits) -> Result<Options, String> {
        let choices = limits.choices();
        Ok(Options {
            overflow: read(&self.overflow, |name| {
                let allowed = Overflow::named(name).filter(|policy| choices.contains(*policy));
                allowed.ok_or_else(|| format!("overflow must be one of {choices} for this tenant"))
            })?,
            max_rate: read(&self.max_rate, |rate| rate.parse::<MaxRate>().map_err(|bad| format!("max_rate {bad}")))?,
            snapshot: read(&self.snapshot, |text| {
                text.parse::<bool>().map_err(|_| "snapshot must be true or false".to_owned())
            })?,
        })
    }
}

fn read<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    (!text.is_empty()).then(|| parse(text)).transpose()
}
