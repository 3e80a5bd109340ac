//! Environment variables that look like settings and are none.

use super::nearest::nearest;
use super::settings::SETTINGS;

/// What all variables of the gateway begin with, but for those of the broker and of the earlier service.
const PREFIX: &str = "FLOODWAY_";

/// A warning for each of the variables `given`, by name, that is neither a setting's nor one of `others`. It is not more
/// than that, since an orchestrator may set some by itself: Kubernetes does so for a service called floodway.
pub(crate) fn unknown(given: impl Iterator<Item = String>, others: &[String]) -> Vec<String> {
    let known: Vec<String> = SETTINGS
        .iter()
        .flat_map(|setting| [Some(setting.env.to_owned()), setting.file_env()])
        .flatten()
        .chain(others.iter().cloned())
        .collect();
    let mut unknown: Vec<String> = given
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .collect();
    unknown.sort_unstable();
    unknown
        .into_iter()
        .map(|name| warning(&name, &known))
        .collect()
}

fn warning(name: &str, known: &[String]) -> String {
    let ours = known.iter().filter(|known| known.starts_with(PREFIX));
    let nearest = nearest(name, ours.cloned()).expect("there are settings");
    let name: String = name.escape_debug().collect();
    format!(
        "{name} is not a variable that floodway knows, and is ignored; the nearest known one is {nearest}"
    )
}
