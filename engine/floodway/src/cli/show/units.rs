//! Numbers with their units, short enough for a column.

use std::time::{Duration, SystemTime};

use floodway_protocol::messages::notice::LAST_SECOND;
use prost_types::Timestamp;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The two largest units that are not nothing: `3m12s`, `2h05m`, `40d06h`.
pub(in crate::cli) fn age(of: Duration) -> String {
    let seconds = of.as_secs();
    match seconds {
        0..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m{:02}s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{}d{:02}h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// A duration of a message; an absent one, or one that is none, is nothing.
pub(in crate::cli) fn duration(of: Option<prost_types::Duration>) -> Duration {
    of.and_then(|span| span.try_into().ok()).unwrap_or_default()
}

/// How long before `now` that was; a dash if never.
pub(in crate::cli) fn since(then: Option<Timestamp>, now: SystemTime) -> String {
    match time(then) {
        // The other machine's clock may be ahead of this one.
        Some(then) => age(now.duration_since(then).unwrap_or_default()),
        None => "-".to_owned(),
    }
}

/// A line that what follows may be out of date; nothing if it is not.
pub(in crate::cli) fn stale(known_at: Option<Timestamp>, now: SystemTime) -> String {
    known_at.map_or_else(String::new, |at| {
        let ago = since(Some(at), now);
        format!("as of {} ({ago} ago): the broker's are not followed now\n", date(Some(at)))
    })
}

/// Date and time in UTC, to the second; a dash if there is none.
pub(in crate::cli) fn date(of: Option<Timestamp>) -> String {
    time(of).map_or_else(|| "-".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// The time of the day in UTC, to the millisecond; a dash if there is none.
pub(in crate::cli) fn clock(of: Option<Timestamp>) -> String {
    let text = time(of).map(|time| humantime::format_rfc3339_millis(time).to_string());
    let clock = text.as_deref().and_then(|text| text.split_once('T'));
    clock.map_or_else(|| "-".to_owned(), |(_, clock)| clock.to_owned())
}

/// Times beyond what can be written, after the year 9999, are none.
fn time(of: Option<Timestamp>) -> Option<SystemTime> {
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND + 1);
    let time = SystemTime::try_from(of?).ok()?;
    (SystemTime::UNIX_EPOCH..end).contains(&time).then_some(time)
}

/// `512 B`, `1.5 KiB`, `20 MiB`.
pub(in crate::cli) fn bytes(count: f64) -> String {
    match scaled(count, 1024.0, &["KiB", "MiB", "GiB", "TiB", "PiB"]) {
        (bytes, "") => format!("{bytes:.0} B"),
        (left, unit) => format!("{} {unit}", three_digits(left)),
    }
}

/// `999`, `12.3k`, `4.56M`.
pub(in crate::cli) fn count(of: f64) -> String {
    match scaled(of, 1000.0, &["k", "M", "G", "T"]) {
        // Below ten of whatever is counted, a tenth may be all there is.
        (few, "") if few > 0.0 && few < 0.05 => "<0.1".to_owned(),
        (few, "") if few < 10.0 && few.fract() != 0.0 => format!("{few:.1}"),
        (left, "") => format!("{left:.0}"),
        (left, unit) => format!("{}{unit}", three_digits(left)),
    }
}

/// How many of the largest of `units` that fits, each of which is `step` times the one before; of none, if none fits.
fn scaled(count: f64, step: f64, units: &[&'static str]) -> (f64, &'static str) {
    let (mut left, mut unit) = (count, "");
    for larger in units {
        if left < step {
            break;
        }
        (left, unit) = (left / step, larger);
    }
    (left, unit)
}

/// `12.3k/s`.
pub(in crate::cli) fn per_second(rate: f64) -> String {
    format!("{}/s", count(rate))
}

fn three_digits(number: f64) -> String {
    if number < 9.995 {
        format!("{number:.2}")
    } else if number < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests;
