//! A door, open for some seconds now and then, less often at night.

use super::{Metrics, battery};
use crate::demo::signal::{DAY, Seed, day};

/// Seconds within which it opens once at most.
const SLOT: f64 = 20.0;

/// A quarter of a year on one battery.
const BATTERY: f64 = 90.0 * DAY;

pub(in crate::demo) fn metrics(seed: Seed, t: f64) -> Metrics {
    let (now, ahead) = ((t / SLOT).floor(), t.rem_euclid(SLOT));
    let open = seed.opens(now) && seed.open_from(now).contains(&ahead);
    let midnight = ((t / DAY).floor() * DAY / SLOT) as i64;
    let before = (midnight..now as i64).filter(|slot| seed.opens(*slot as f64));
    let opened_now = seed.opens(now) && ahead >= seed.open_from(now).start;
    let openings = before.count() as u64 + u64::from(opened_now);
    vec![
        ("state", if open { "open" } else { "closed" }.into()),
        ("open", open.into()),
        ("openings_today", openings.into()),
        ("battery", battery(seed, t, BATTERY)),
    ]
}

trait Openings {
    fn opens(self, slot: f64) -> bool;
    fn open_from(self, slot: f64) -> std::ops::Range<f64>;
}

impl Openings for Seed {
    fn opens(self, slot: f64) -> bool {
        self.part("opens").unit(slot as i64) < 0.45 + 0.25 * day(slot * SLOT)
    }

    /// When it opens and when it closes, in seconds of its slot.
    fn open_from(self, slot: f64) -> std::ops::Range<f64> {
        let opens = 8.0 * self.part("when").unit(slot as i64);
        opens..opens + 2.0 + 8.0 * self.part("long").unit(slot as i64)
    }
}

#[cfg(test)]
mod tests;
