//! Tests of `cli::show`.

use super::*;

#[test]
fn what_clients_send_does_not_reach_the_terminal_as_commands() {
    assert_eq!(plain("a\u{1b}[2Jb\u{9b}c\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
    assert_eq!(plain("\u{202e}drow"), "\u{fffd}drow");
    assert_eq!(plain("köln 7"), "köln 7");
}

#[test]
fn nothing_is_a_dash_and_one_is_no_plural() {
    assert_eq!(or_dash(""), "-");
    assert_eq!(plural(1, "stream"), "1 stream");
    assert_eq!(plural(0, "stream"), "0 streams");
}
