//! Tests of `admin::calls::paging`.

use super::*;

#[test]
fn a_token_is_good_for_its_own_list_only() {
    let (one, other) = (List::new(("groups", "T1")), List::new(("groups", "T2")));
    let token = one.token(Some("a.b"));
    assert_eq!(one.after(&token).unwrap(), Some("a.b"));
    assert_eq!(one.after("").unwrap(), None);
    assert_eq!(one.token(None), "");
    for (list, token) in [(&other, token.as_str()), (&one, "x"), (&one, "0.a")] {
        let refused = list.after(token).unwrap_err();
        assert!(refused.message().starts_with("page_token: "), "{refused}");
    }
}

#[test]
fn a_size_is_bounded() {
    assert_eq!(size(0).unwrap(), 100);
    assert_eq!(size(7).unwrap(), 7);
    assert_eq!(size(i32::MAX).unwrap(), 1000);
    assert!(size(-1).unwrap_err().message().starts_with("page_size: "));
}

#[test]
fn only_a_page_before_the_last_names_where_to_go_on() {
    let name = |n: &u32| n.to_string();
    assert_eq!(page([1, 2, 3].into_iter(), 2, name), (vec![1, 2], Some("2".to_owned())));
    assert_eq!(page([1, 2].into_iter(), 2, name), (vec![1, 2], None));
    assert_eq!(page([].into_iter(), 2, name), (vec![], None));
}
