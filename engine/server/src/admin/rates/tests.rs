//! Tests of `admin::rates`.

use super::*;

#[test]
fn rates_are_of_the_last_second_and_of_the_last_minute() {
    let (start, mut samples) = (Instant::now(), Samples::default());
    let add = |samples: &mut Samples, second, delivered| {
        let counts = Counts { delivered, opened: second, ..Counts::default() };
        samples.add(start + Duration::from_secs(second), counts);
    };
    assert_eq!(samples.rates().0, none());
    add(&mut samples, 0, 0);
    assert_eq!(samples.rates().1, none());
    add(&mut samples, 1, 100);
    let (second, minute) = samples.rates();
    assert_eq!(second, minute);
    assert_eq!((second.delivered, second.opened), (100.0, 1.0));
    for second in 2..=200 {
        add(&mut samples, second, 100);
    }
    let (second, minute) = samples.rates();
    assert_eq!(second.delivered, 0.0);
    assert_eq!(minute.window.map(|window| window.seconds), Some(60));
    assert_eq!((minute.delivered, minute.opened), (0.0, 1.0));
}
