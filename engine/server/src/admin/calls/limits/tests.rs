//! Tests of `admin::calls::limits`.

use super::*;

#[test]
fn each_policy_has_a_word_of_its_own_and_each_word_means_one() {
    for (name, overflow) in Overflow::NAMED {
        assert_eq!(super::overflow(policy(overflow)), Some(overflow), "{name}");
    }
    let words = (1..).map_while(|number| v1::OverflowPolicy::try_from(number).ok());
    assert_eq!(words.filter_map(super::overflow).count(), Overflow::NAMED.len());
    assert_eq!(super::overflow(v1::OverflowPolicy::Unspecified), None);
}
