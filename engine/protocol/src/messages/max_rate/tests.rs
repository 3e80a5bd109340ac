//! Tests of `messages::max_rate`.

use super::*;

#[test]
fn a_rate_may_be_a_fraction_and_is_shown_as_it_was_given() {
    for (text, interval) in [
        ("0.2", Duration::from_secs(5)),
        ("4", Duration::from_millis(250)),
        ("2.5", Duration::from_millis(400)),
    ] {
        let rate: MaxRate = text.parse().unwrap();
        assert_eq!((rate.to_string().as_str(), rate.interval()), (text, interval));
    }
}

#[test]
fn what_makes_no_sense_is_no_rate() {
    for text in ["", "0", "-1", "0.0001", "1e3", "inf", "NaN", "fast", "1000001", "+1", " 1", "1.2.3", "."] {
        assert_eq!(text.parse::<MaxRate>(), Err(BadRate), "{text}");
    }
}
