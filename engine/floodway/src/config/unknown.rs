//! Keys and environment variables that look like settings and are none, and what was probably meant.

use super::error::{ConfigError, Origin};
use super::setting::Setting;
use super::table::SETTINGS;

/// What all variables of the gateway begin with, but for those of the broker and of the earlier service.
const PREFIX: &str = "FLOODWAY_";

/// A warning for each of the variables `given`, by name, that is neither a setting's nor one of `others`. It is not more
/// than that, since an orchestrator may set some by itself: Kubernetes does so for a service called floodway.
pub(crate) fn variables(given: impl Iterator<Item = String>, others: impl IntoIterator<Item = String>) -> Vec<String> {
    let ours = SETTINGS.iter().flat_map(Setting::names).map(|(_, env)| env);
    let known: Vec<String> = ours.chain(others).collect();
    let mut unknown: Vec<String> = given.filter(|name| name.starts_with(PREFIX) && !known.contains(name)).collect();
    unknown.sort_unstable();
    unknown.into_iter().map(|name| warning(&name, &known)).collect()
}

fn warning(name: &str, known: &[String]) -> String {
    let ours = known.iter().filter(|known| known.starts_with(PREFIX));
    let nearest = nearest(name, ours.cloned()).expect("there are settings");
    let name: String = name.escape_debug().collect();
    format!("{name} is not a variable that floodway knows, and is ignored; the nearest known one is {nearest}")
}

/// The error for a key that no setting has.
pub(super) fn key(key: &str, origin: Origin) -> ConfigError {
    let hint = if is_section(key) {
        format!("is a section; write [{key}] and its settings below")
    } else {
        let known = SETTINGS.iter().flat_map(Setting::names).map(|(key, _)| key);
        let nearest = nearest(key, known).expect("there are settings");
        format!("unknown setting; the nearest known one is {nearest}")
    };
    ConfigError::Unknown { key: key.to_owned(), origin, hint }
}

/// True if settings have keys below `key`.
pub(super) fn is_section(key: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The candidate nearest to `given`: the shortest that begins with it, since `user` means `username` and not `url`; else the
/// one with the fewest typing errors between them.
fn nearest(given: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates.min_by_key(|candidate| {
        let is_begun = candidate.starts_with(given);
        (!is_begun, strsim::damerau_levenshtein(given, candidate))
    })
}
