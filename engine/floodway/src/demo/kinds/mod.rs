//! What kinds of devices there are, and what each measures at a time.

mod climate;
mod door;
mod machine;
mod meter;
mod tank;
mod tracker;

use serde_json::Value;

use super::signal::{Seed, rounded};

/// Names and values, in the order in which the device tells them.
pub(super) type Metrics = Vec<(&'static str, Value)>;

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Temperature and humidity of a room.
    Climate,
    /// Temperature and humidity of a cold store.
    ColdStore,
    /// A motor with a vibration sensor.
    Machine,
    /// A door that opens and closes.
    Door,
    /// An electricity meter.
    Meter,
    /// A tank that empties and is filled.
    Tank,
    /// A vehicle on its round.
    Tracker,
}

impl Kind {
    /// What a device of this kind and seed measures at `t`, in Unix seconds.
    pub(super) fn metrics(self, seed: Seed, t: f64) -> Metrics {
        match self {
            Self::Climate => climate::room(seed, t),
            Self::ColdStore => climate::cold_store(seed, t),
            Self::Machine => machine::metrics(seed, t),
            Self::Door => door::metrics(seed, t),
            Self::Meter => meter::metrics(seed, t),
            Self::Tank => tank::metrics(seed, t),
            Self::Tracker => tracker::metrics(seed, t),
        }
    }
}

/// A measured value; without decimals it is written as a whole number.
fn number(value: f64, decimals: i32) -> Value {
    if decimals == 0 {
        Value::from(value.round() as i64)
    } else {
        Value::from(rounded(value, decimals))
    }
}

/// The level of a battery in percent, full again after `period` seconds.
fn battery(seed: Seed, t: f64, period: f64) -> Value {
    number(seed.part("battery").drain(t, period, 0.12) * 100.0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-02-16T00:00:00Z.
    pub(super) const MIDNIGHT: f64 = 1_771_200_000.0;

    /// The metric called `name` of a device, once every `step` seconds, `count` times from midnight on.
    pub(super) fn series(kind: Kind, name: &str, step: f64, count: u32) -> Vec<Value> {
        let seed = Seed::of("DEV-1");
        let at = |n| kind.metrics(seed, MIDNIGHT + f64::from(n) * step);
        let metric = |metrics: Metrics| {
            let found = metrics.into_iter().find(|(known, _)| *known == name);
            found.unwrap_or_else(|| panic!("{kind:?} has no {name}")).1
        };
        (0..count).map(|n| metric(at(n))).collect()
    }

    pub(super) fn numbers(kind: Kind, name: &str, step: f64, count: u32) -> Vec<f64> {
        let values = series(kind, name, step, count);
        values
            .iter()
            .map(|value| value.as_f64().expect("a number"))
            .collect()
    }

    #[test]
    fn every_kind_always_tells_the_same_names_and_different_values() {
        let kinds = [
            Kind::Climate,
            Kind::ColdStore,
            Kind::Machine,
            Kind::Door,
            Kind::Meter,
            Kind::Tank,
            Kind::Tracker,
        ];
        let names = |metrics: &Metrics| metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for kind in kinds {
            let seed = Seed::of("DEV-1");
            let (first, later) = (
                kind.metrics(seed, MIDNIGHT),
                kind.metrics(seed, MIDNIGHT + 3600.0),
            );
            assert!(first.len() >= 3, "{kind:?}");
            assert_eq!(names(&first), names(&later));
            assert_ne!(first, later, "{kind:?}");
            assert_eq!(first, kind.metrics(seed, MIDNIGHT), "{kind:?}");
            assert_ne!(first, kind.metrics(Seed::of("DEV-2"), MIDNIGHT), "{kind:?}");
        }
    }
}
