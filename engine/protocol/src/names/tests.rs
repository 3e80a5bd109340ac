//! Tests of `names`.

use super::*;

#[test]
fn a_name_is_one_level_of_a_topic() {
    assert!(TenantId::parse("TENANT1").is_ok());
    assert!(DeviceId::parse("köln 7\"\\").is_ok());
    assert_eq!(GroupId::parse(""), Err(BadName::Empty));
    assert_eq!(GroupId::parse(&"x".repeat(257)), Err(BadName::TooLong));
    for bad in ["a/b", "+", "a#", "a\nb", "a\u{0}", "\u{85}", "\u{ffff}", "\u{fdd0}", "\u{1fffe}"] {
        assert_eq!(TenantId::parse(bad), Err(BadName::Forbidden), "{bad:?}");
    }
}

#[test]
fn names_that_nats_does_not_take_literally_are_known() {
    for (name, is_it) in [("*", true), ("a>", true), ("a b", true), ("TENANT1", false), ("köln.7$", false), ("", false)]
    {
        assert_eq!(is_wild(name.as_bytes()), is_it, "{name:?}");
    }
}
