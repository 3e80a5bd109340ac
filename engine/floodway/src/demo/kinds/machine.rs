//! A motor: vibration that is calm, and now and then is not.

use super::{Metrics, number};
use crate::demo::signal::{Seed, day};

/// Seconds within which there is one burst at most.
const SLOT: f64 = 40.0;

/// How often there is one.
const CHANCE: f64 = 0.4;

/// Seconds until a burst has calmed down to a third.
const CALMING: f64 = 3.0;

pub(in crate::demo) fn metrics(seed: Seed, t: f64) -> Metrics {
    let burst = burst(seed.part("burst"), t);
    let calm = 1.1 + 0.15 * seed.part("vibration").noise(t);
    let load = 0.6 + 0.2 * seed.part("load").drift(t, 300.0) + 0.15 * day(t);
    let rpm = 1_482.0 - 12.0 * load - 9.0 * burst + seed.part("rpm").noise(t);
    let bearing = 41.0 + 18.0 * load + 0.2 * seed.part("bearing").noise(t);
    vec![
        ("vibration", number(calm + 6.5 * burst, 3)),
        ("rpm", number(rpm, 0)),
        ("bearing_temperature", number(bearing, 1)),
        ("load", number(load, 3)),
        ("alarm", (burst > 0.5).into()),
    ]
}

/// From 0 to 1: how much of a burst is left.
fn burst(seed: Seed, t: f64) -> f64 {
    let slot = (t / SLOT).floor();
    let (comes, place) = (seed.unit(slot as i64), seed.part("place").unit(slot as i64));
    let since = t - slot * SLOT - place * SLOT * 0.7;
    if comes < CHANCE && since >= 0.0 { (-since / CALMING).exp() } else { 0.0 }
}

#[cfg(test)]
mod tests;
