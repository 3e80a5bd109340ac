//! Tests of `cli::demo`.

use super::*;

#[test]
fn what_is_printed_can_be_connected_to() {
    let shown = |address: &str| reachable(address.parse().expect("an address")).to_string();
    assert_eq!(shown("0.0.0.0:8080"), "127.0.0.1:8080");
    assert_eq!(shown("[::]:8080"), "[::1]:8080");
    assert_eq!(shown("192.0.2.7:80"), "192.0.2.7:80");
}
