//! Tests of `in_flight`.

use super::*;

fn left(in_flight: &InFlight<char>) -> String {
    in_flight.iter().collect()
}

#[test]
fn an_answer_finds_the_newest_request_of_its_number() {
    let mut in_flight = InFlight::default();
    for (request, number) in [('a', 1), ('b', 2), ('c', 1)] {
        in_flight.begin(request);
        in_flight.sent(number);
    }
    assert_eq!(in_flight.answered(3), None);
    assert_eq!(in_flight.answered(1), Some('c'));
    assert_eq!(in_flight.answered(1), Some('a'));
    assert_eq!(left(&in_flight), "b");
}

#[test]
fn only_a_request_without_a_number_is_unsent() {
    let mut in_flight = InFlight::default();
    in_flight.begin('a');
    in_flight.sent(1);
    assert_eq!(in_flight.unsent(), None);
    in_flight.begin('b');
    assert_eq!(in_flight.unsent(), Some('b'));
    in_flight.begin('c');
    assert_eq!(in_flight.clear().collect::<String>(), "a");
    assert_eq!(left(&in_flight), "");
}
