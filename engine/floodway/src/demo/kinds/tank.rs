//! A tank that is emptied slowly and filled again at once its level is low.

use super::{Metrics, number};
use crate::demo::signal::Seed;

/// Seconds from one filling to the next.
const CYCLE: f64 = 600.0;

/// The part of a cycle in which it is filled.
const FILLING: f64 = 0.15;

/// The level in percent, at its lowest and its highest.
const LOW: f64 = 22.0;
const HIGH: f64 = 94.0;

pub(in crate::demo) fn metrics(seed: Seed, t: f64) -> Metrics {
    let phase = (t / CYCLE + seed.part("phase").unit(0)).rem_euclid(1.0);
    let filling = phase < FILLING;
    let full = if filling {
        phase / FILLING
    } else {
        1.0 - (phase - FILLING) / (1.0 - FILLING)
    };
    let level = LOW + (HIGH - LOW) * full + 0.1 * seed.part("waves").noise(t);
    let inflow = if filling { 4.8 + 0.1 * seed.part("inflow").noise(t) } else { 0.0 };
    vec![
        ("level", number(level, 2)),
        // Hydrostatic: three metres of water are 0.29 bar.
        ("pressure_bar", number(0.294 * level / 100.0, 4)),
        ("inflow", number(inflow, 2)),
        ("pump", filling.into()),
    ]
}

#[cfg(test)]
mod tests;
