//! A vehicle on its round through a town, again and again.

use super::{Metrics, battery, number};
use crate::demo::signal::Seed;

/// The round, in degrees of latitude and longitude: through the harbour of Rotterdam.
const ROUND: [(f64, f64); 8] = [
    (51.8850, 4.2868),
    (51.8931, 4.3102),
    (51.9010, 4.3415),
    (51.9066, 4.3893),
    (51.9003, 4.4260),
    (51.8905, 4.4012),
    (51.8842, 4.3571),
    (51.8801, 4.3188),
];

/// Metres per degree of latitude; one of longitude is shorter by the cosine of the latitude.
const DEGREE: f64 = 111_320.0;

/// Metres a second on average.
const SPEED: f64 = 11.0;

/// How far the vehicle is before or behind its average, in metres, and how fast that changes, in seconds.
const AHEAD: f64 = 120.0;
const AHEAD_PERIOD: f64 = 60.0;

/// A working day on one charge.
const BATTERY: f64 = 9.0 * 3_600.0;

pub(in crate::demo) fn metrics(seed: Seed, t: f64) -> Metrics {
    let (place, before) = (way(seed, t), way(seed, t - 1.0));
    let (latitude, longitude, heading) = position(place);
    vec![
        ("latitude", number(latitude, 6)),
        ("longitude", number(longitude, 6)),
        ("speed_kmh", number((place - before) * 3.6, 1)),
        // 359.7 is north, too.
        ("heading", number(heading.round() % 360.0, 0)),
        ("battery", battery(seed, t, BATTERY)),
    ]
}

/// Metres that it has gone.
fn way(seed: Seed, t: f64) -> f64 {
    SPEED * t + AHEAD * seed.part("way").drift(t, AHEAD_PERIOD) + seed.part("start").within(0.0, 20_000.0)
}

/// Latitude, longitude and heading (degrees, clockwise from north) after that many metres.
fn position(way: f64) -> (f64, f64, f64) {
    let legs = || (0..ROUND.len()).map(|n| (ROUND[n], ROUND[(n + 1) % ROUND.len()]));
    let whole: f64 = legs().map(|(from, to)| length(metres(from, to))).sum();
    let mut left = way.rem_euclid(whole);
    for (from, to) in legs() {
        let (north, east) = metres(from, to);
        let leg = length((north, east));
        if left < leg {
            let part = left / leg;
            let heading = east.atan2(north).to_degrees().rem_euclid(360.0);
            let along = |from: f64, to: f64| from + (to - from) * part;
            return (along(from.0, to.0), along(from.1, to.1), heading);
        }
        left -= leg;
    }
    // Only rounding leads here: the round is at its end, which is its beginning.
    (ROUND[0].0, ROUND[0].1, 0.0)
}

/// How far north and how far east. The earth is flat within a town.
fn metres(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let north = (to.0 - from.0) * DEGREE;
    let east = (to.1 - from.1) * DEGREE * from.0.to_radians().cos();
    (north, east)
}

fn length((north, east): (f64, f64)) -> f64 {
    north.hypot(east)
}

#[cfg(test)]
mod tests;
