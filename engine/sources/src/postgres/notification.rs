//! What a notification says.
//!
//! Its text is what somebody gave to `pg_notify`: any role that may connect to the database can. What is wrong with it is
//! found here, but for its names and its event, which the router judges as it judges all others.

use std::num::NonZeroU64;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The members that matter. One that comes twice makes it ambiguous, and is refused.
#[derive(Deserialize)]
struct Form<'a> {
    tenant_id: Option<Box<str>>,
    device_id: Option<Box<str>>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    metrics: Option<IgnoredAny>,
}

const MALFORMED: &str = "a notification is not a JSON object with the texts tenant_id and device_id, each once";

fn form(text: &str) -> Result<Form<'_>, &'static str> {
    serde_json::from_str(text).map_err(|_| MALFORMED)
}

/// The tenant and the device of the event that a notification carries.
///
/// # Errors
/// Why it carries none, for the log.
pub(super) fn event(text: &str) -> Result<(Box<str>, Box<str>), &'static str> {
    let form = form(text)?;
    if form.id.is_some() && form.metrics.is_none() {
        return Err("a notification names a row by its id, and postgres.table is not set");
    }
    form.tenant_id.zip(form.device_id).ok_or(MALFORMED)
}

/// The id of the row that a notification names. Whose it is, its own columns say.
///
/// # Errors
/// Why it names none, for the log.
pub(super) fn row(text: &str) -> Result<u64, &'static str> {
    let id = form(text)?.id;
    let id = id.ok_or("a notification names no row by its id, which it has to where postgres.table is set")?;
    let id = id.get().parse().ok().filter(|id: &NonZeroU64| i64::try_from(id.get()).is_ok());
    id.map(NonZeroU64::get).ok_or("the id in a notification is not a positive bigint")
}

#[cfg(test)]
mod tests;
