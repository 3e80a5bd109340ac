//! Tests of `pulse`.

use super::*;

#[test]
fn silence_is_counted_from_the_last_turn_and_not_while_the_loop_rests() {
    let pulse = Pulse::default();
    let at = |seconds| pulse.origin + Duration::from_secs(seconds);
    assert_eq!(pulse.silence(at(2)), Some(Duration::from_secs(2)));
    pulse.beat(at(10));
    assert_eq!(pulse.silence(at(13)), Some(Duration::from_secs(3)));
    assert_eq!(pulse.silence(at(9)), Some(Duration::ZERO), "a late look");
    pulse.rest();
    assert_eq!(pulse.silence(at(1000)), None);
    pulse.beat(at(1001));
    assert_eq!(pulse.silence(at(1001)), Some(Duration::ZERO));
}
