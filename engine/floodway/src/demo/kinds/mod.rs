//! What kinds of devices there are, and what each measures at a time.

pub(super) mod tracker;

use serde_json::Value;

use super::signal::{DAY, Seed, day, day_sum, rounded};

/// Names and values, in the order in which the device sends them.
pub(super) type Metrics = Vec<(&'static str, Value)>;

/// What a device of one kind measures: a function of its seed and of the time, in Unix seconds.
pub(super) type Measure = fn(Seed, f64) -> Metrics;

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

/// Temperature and humidity of a room.
pub(super) fn room(seed: Seed, t: f64) -> Metrics {
    let mean = seed.part("mean").within(19.0, 23.0);
    let wander = seed.part("wander").drift(t, 1_200.0);
    climate(seed, t, mean + 3.5 * day(t) + 0.8 * wander, mean)
}

/// The same, kept by a compressor: a saw of a quarter of an hour, and hardly a day to be seen.
pub(super) fn cold_store(seed: Seed, t: f64) -> Metrics {
    let mean = seed.part("mean").within(2.5, 4.5);
    let cooling = seed.part("cooling").drain(t, 900.0, 0.0) - 0.5;
    climate(seed, t, mean + 1.6 * cooling + 0.2 * day(t), mean)
}

/// Warm air is dry air. A month on one battery.
fn climate(seed: Seed, t: f64, temperature: f64, mean: f64) -> Metrics {
    let measured = temperature + 0.05 * seed.part("sensor").noise(t);
    let weather = 4.0 * seed.part("weather").drift(t, 7_200.0);
    let humidity = 48.0 - 3.0 * (temperature - mean) + weather;
    vec![
        ("temperature", number(measured, 2)),
        ("humidity", number(humidity.clamp(5.0, 95.0), 1)),
        ("battery", battery(seed, t, 30.0 * DAY)),
    ]
}

/// A motor: vibration that is calm, and now and then is not.
pub(super) fn machine(seed: Seed, t: f64) -> Metrics {
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
    /// Seconds within which there is one burst at most, and how often there is one.
    const SLOT: f64 = 40.0;
    const CHANCE: f64 = 0.4;
    /// Seconds until it has calmed down to a third.
    const CALMING: f64 = 3.0;
    let slot = (t / SLOT).floor();
    let (comes, place) = (seed.unit(slot as i64), seed.part("place").unit(slot as i64));
    let since = t - slot * SLOT - place * SLOT * 0.7;
    if comes < CHANCE && since >= 0.0 { (-since / CALMING).exp() } else { 0.0 }
}

/// A tank that is emptied slowly and filled again at once its level is low.
pub(super) fn tank(seed: Seed, t: f64) -> Metrics {
    /// Seconds from one filling to the next, and the part of them in which it is filled.
    const CYCLE: f64 = 600.0;
    const FILLING: f64 = 0.15;
    /// The level in percent, at its lowest and its highest.
    const LOW: f64 = 22.0;
    const HIGH: f64 = 94.0;
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

/// A door, open for some seconds now and then, less often at night. A quarter of a year on one battery.
pub(super) fn door(seed: Seed, t: f64) -> Metrics {
    /// Seconds within which it opens once at most.
    const SLOT: f64 = 20.0;
    let opens = |slot: i64| seed.part("opens").unit(slot) < 0.45 + 0.25 * day(slot as f64 * SLOT);
    let (now, ahead) = ((t / SLOT).floor() as i64, t.rem_euclid(SLOT));
    // In seconds of its slot.
    let opens_at = 8.0 * seed.part("when").unit(now);
    let closes_at = opens_at + 2.0 + 8.0 * seed.part("long").unit(now);
    let open = opens(now) && (opens_at..closes_at).contains(&ahead);
    let midnight = ((t / DAY).floor() * DAY / SLOT) as i64;
    let before = (midnight..now).filter(|slot| opens(*slot));
    let opened_now = opens(now) && ahead >= opens_at;
    let openings = before.count() as u64 + u64::from(opened_now);
    vec![
        ("state", if open { "open" } else { "closed" }.into()),
        ("open", open.into()),
        ("openings_today", openings.into()),
        ("battery", battery(seed, t, 90.0 * DAY)),
    ]
}

/// An electricity meter: power by the time of day, and a count of energy that only grows.
pub(super) fn meter(seed: Seed, t: f64) -> Metrics {
    /// kW on average, and how much more it is in the afternoon.
    const MEAN: f64 = 38.0;
    const SWING: f64 = 24.0;
    /// When the meter was put in: 2025-01-01T00:00:00Z.
    const SINCE: f64 = 1_735_689_600.0;
    let share = seed.part("share").within(0.6, 1.4);
    let planned = MEAN + SWING * day(t);
    let power = share * planned * (1.0 + 0.06 * seed.part("power").drift(t, 45.0));
    let kilowatt_seconds = MEAN * (t - SINCE) + SWING * (day_sum(t) - day_sum(SINCE));
    let voltage = 230.0 + 2.5 * seed.part("voltage").drift(t, 90.0) - 0.02 * power;
    vec![
        ("power_kw", number(power, 2)),
        ("energy_kwh", number(share * kilowatt_seconds / 3_600.0, 3)),
        ("voltage", number(voltage, 1)),
        ("frequency", number(50.0 + 0.03 * seed.part("frequency").drift(t, 20.0), 3)),
    ]
}

#[cfg(test)]
mod tests;
