//! Tests of `demo::kinds`.

use super::*;

/// 2026-02-16T00:00:00Z.
pub(super) const MIDNIGHT: f64 = 1_771_200_000.0;

/// The metric called `name` of a device, once every `step` seconds, `count` times from midnight on.
pub(super) fn series(measure: Measure, name: &str, step: f64, count: u32) -> Vec<Value> {
    let seed = Seed::of("DEV-1");
    let at = |n| measure(seed, MIDNIGHT + f64::from(n) * step);
    let metric = |metrics: Metrics| {
        let found = metrics.into_iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("there is no {name}")).1
    };
    (0..count).map(|n| metric(at(n))).collect()
}

pub(super) fn numbers(measure: Measure, name: &str, step: f64, count: u32) -> Vec<f64> {
    let values = series(measure, name, step, count);
    values.iter().map(|value| value.as_f64().expect("a number")).collect()
}

#[test]
fn every_kind_always_sends_the_same_names_and_different_values() {
    let kinds: [(&str, Measure); 7] = [
        ("room", climate::room),
        ("cold store", climate::cold_store),
        ("machine", machine::metrics),
        ("door", door::metrics),
        ("meter", meter::metrics),
        ("tank", tank::metrics),
        ("tracker", tracker::metrics),
    ];
    let names = |metrics: &Metrics| metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    for (kind, measure) in kinds {
        let seed = Seed::of("DEV-1");
        let (first, later) = (measure(seed, MIDNIGHT), measure(seed, MIDNIGHT + 3600.0));
        assert!(first.len() >= 3, "{kind}");
        assert_eq!(names(&first), names(&later));
        assert_ne!(first, later, "{kind}");
        assert_eq!(first, measure(seed, MIDNIGHT), "{kind}");
        assert_ne!(first, measure(Seed::of("DEV-2"), MIDNIGHT), "{kind}");
    }
}
