//! How many events a second a client wants of each device at most.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Events a second of each device, in thousandths: 0.001 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxRate(NonZeroU32);

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of events a second from 0.001 to 1000000")]
pub struct BadRate;

/// The fastest rate, in thousandths.
const MAX: f64 = 1e9;

impl MaxRate {
    /// The time between two events of a device.
    pub fn interval(self) -> Duration {
        Duration::from_secs(1000) / self.0.get()
    }
}

impl FromStr for MaxRate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = text.parse::<f64>().ok().filter(|_| plain).ok_or(BadRate)?;
        let thousandths = (rate * 1000.0).round();
        if !(1.0..=MAX).contains(&thousandths) {
            return Err(BadRate);
        }
        // Whole, and within the range of the type.
        NonZeroU32::new(thousandths as u32).map(Self).ok_or(BadRate)
    }
}

impl fmt::Display for MaxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0.get()) / 1000.0)
    }
}

#[cfg(test)]
mod tests;
