//! Tests of `cli::show::units`.

use super::*;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[test]
fn an_age_has_two_units_at_most() {
    let age = |seconds| age(Duration::from_secs(seconds));
    assert_eq!(age(0), "0s");
    assert_eq!(age(59), "59s");
    assert_eq!(age(192), "3m12s");
    assert_eq!(age(3600), "1h00m");
    assert_eq!(age(86_399), "23h59m");
    assert_eq!(age(40 * 86_400 + 6 * 3600), "40d06h");
}

#[test]
fn times_that_are_none_or_ahead_do_not_confuse() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
    assert_eq!(since(at(40), now), "1m00s");
    assert_eq!(since(at(160), now), "0s");
    assert_eq!(since(None, now), "-");
    assert_eq!(date(at(0)), "1970-01-01T00:00:00Z");
    assert_eq!(stale(None, now), "");
    let text = "as of 1970-01-01T00:00:40Z (1m00s ago): the broker's are not followed now\n";
    assert_eq!(stale(at(40), now), text);
    assert_eq!(date(at(i64::MAX)), "-");
    assert_eq!(clock(at(61)), "00:01:01.000Z");
    assert_eq!(clock(at(-1)), "-");
}

#[test]
fn sizes_and_counts_keep_three_digits() {
    assert_eq!(bytes(0.0), "0 B");
    assert_eq!(bytes(1023.0), "1023 B");
    assert_eq!(bytes(1536.0), "1.50 KiB");
    assert_eq!(bytes(20.0 * 1024.0 * 1024.0), "20.0 MiB");
    assert_eq!(count(0.0), "0");
    assert_eq!(count(0.5), "0.5");
    assert_eq!(count(0.01), "<0.1");
    assert_eq!(count(999.0), "999");
    assert_eq!(count(12_340.0), "12.3k");
    assert_eq!(count(4_560_000.0), "4.56M");
    assert_eq!(per_second(123_400.0), "123k/s");
}
