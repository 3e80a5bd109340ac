//! Signals that look measured.
//!
//! Invariant: everything here is a function of a seed and the time (Unix seconds), so a signal can be had at any time
//! without the ones before.

use std::f64::consts::TAU;

/// Seconds of a day.
pub(super) const DAY: f64 = 86_400.0;

/// Where a signal's chance comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed(u64);

impl Seed {
    /// The seed of a name (FNV-1a).
    pub(super) fn of(name: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// A seed for another signal of the same device.
    pub(super) fn part(self, name: &str) -> Self {
        Self(self.0 ^ Self::of(name).0.rotate_left(17))
    }

    /// The `n`th number of this seed, from 0 to below 1.
    pub(super) fn unit(self, n: i64) -> f64 {
        // SplitMix64's mixing step; the upper 53 bits are what an f64 holds.
        let mut z = self.0 ^ (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of this seed from `low` to below `high`.
    pub(super) fn within(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit(0)
    }

    /// Noise from -1 to 1 that is another one with each millisecond.
    pub(super) fn noise(self, t: f64) -> f64 {
        self.unit((t * 1000.0) as i64) * 2.0 - 1.0
    }

    /// Wanders from -1 to 1 without a jump, and forgets where it was within about `period` seconds.
    pub(super) fn drift(self, t: f64, period: f64) -> f64 {
        let slot = (t / period).floor();
        let ahead = t / period - slot;
        let (from, to) = (self.unit(slot as i64), self.unit(slot as i64 + 1));
        let blend = (1.0 - (ahead * TAU / 2.0).cos()) / 2.0;
        (from + (to - from) * blend) * 2.0 - 1.0
    }

    /// Falls from 1 to `lowest` within `period` seconds, again and again: a battery, a tank.
    pub(super) fn drain(self, t: f64, period: f64, lowest: f64) -> f64 {
        let used = (t / period + self.unit(0)).rem_euclid(1.0);
        1.0 - used * (1.0 - lowest)
    }
}

/// The course of a day (UTC): -1 at four in the morning, 1 at four in the afternoon.
pub(super) fn day(t: f64) -> f64 {
    ((t / DAY - 10.0 / 24.0) * TAU).sin()
}

/// [`day`] summed up since 1970, in seconds.
pub(super) fn day_sum(t: f64) -> f64 {
    -((t / DAY - 10.0 / 24.0) * TAU).cos() * DAY / TAU
}

/// `value` with at most that many decimals.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests;
