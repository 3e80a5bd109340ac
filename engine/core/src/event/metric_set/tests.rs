//! Tests of `event::metric_set`.

use super::*;

fn set(names: &[&str]) -> MetricSet {
    MetricSet::new(names.iter().map(|&name| name.to_owned()))
}

fn names(set: &MetricSet) -> Vec<&str> {
    set.names().iter().map(|name| &**name).collect()
}

#[test]
fn names_keep_the_order_in_which_they_were_first_given() {
    assert_eq!(names(&set(&["b", "a", "b", "c", "a"])), ["b", "a", "c"]);
    assert!(set(&[]).names().is_empty());
}

#[test]
fn a_set_knows_its_names_however_many_they_are() {
    for count in [0, 1, SCAN_NAMES_MAX, SCAN_NAMES_MAX + 1, 1000] {
        let all = MetricSet::new((0..count).map(|n| format!("m{n}")));
        assert!((0..count).all(|n| all.contains(format!("m{n}").as_bytes())), "{count}");
        assert!(!all.contains(b"m"), "{count}");
        assert!(!all.contains(format!("m{count}").as_bytes()), "{count}");
    }
}

#[test]
fn equality_shows_the_client_its_own_order_and_projections_are_shared_across_orders() {
    let (ab, ba) = (set(&["a", "b"]), set(&["b", "a"]));
    assert_eq!(ab, set(&["a", "b", "a"]));
    assert_ne!(ab, ba);
    assert!(ab.same_names(&ba));
    assert!(!ab.same_names(&set(&["a"])));
    assert!(!ab.same_names(&set(&["a", "c"])));
    assert_eq!(ab.hash, ba.hash);
}
