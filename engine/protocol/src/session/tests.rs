//! Tests of `session`.

use super::*;

const BOUNDS: Bounds = Bounds { message_bytes: 100, filter_ids: 3 };

/// A frame whose mask is zero, so that its body is what is read.
fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short frame");
    [&[first, 0x80 | length, 0, 0, 0, 0], body].concat()
}

fn read(encoding: Encoding, bytes: &[u8]) -> Vec<Command> {
    let mut commands = Vec::new();
    Session::default().read(encoding, &mut bytes.to_vec(), BOUNDS, &mut commands);
    commands
}

#[test]
fn messages_become_commands_in_their_order() {
    let bytes = [
        frame(0x81, br#"{"action":"get_filters"}"#),
        frame(0x89, b"hi"),
        frame(0x8A, b""),
        frame(0x81, b"{"),
        frame(0x88, &1001_u16.to_be_bytes()),
        frame(0x81, br#"{"action":"ping"}"#),
    ];
    let mut error = Vec::new();
    let json = answer::error(&client::Mistake::NotJson);
    Encoding::Ws.message("error", &json, &mut error);
    let expected = [
        Command::Act(Action::GetFilters),
        Command::Send(b"\x8A\x02hi".to_vec()),
        Command::Ignore,
        Command::Send(error),
        Command::Close(Some(1001)),
    ];
    assert_eq!(read(Encoding::Ws, &bytes.concat()), expected);
}

#[test]
fn a_violation_comes_behind_the_messages_before_it_and_costs_nothing_there() {
    let refused = Command::Refuse(Violation::Binary);
    assert_eq!(refused.messages(), 0);
    let alone = read(Encoding::Ws, &frame(0x82, b"x"));
    assert_eq!(alone, [Command::Ignore, Command::Refuse(Violation::Binary)]);
    let behind = read(Encoding::WsWithId, &[frame(0x8A, b""), frame(0x82, b"x")].concat());
    assert_eq!(behind, [Command::Ignore, refused]);
}

#[test]
fn what_is_no_message_yet_costs_one() {
    let fragment = frame(0x01, b"{");
    assert_eq!(read(Encoding::Ws, &fragment), [Command::Ignore]);
    assert_eq!(Command::Ignore.messages(), 1);
    for encoding in [Encoding::Sse, Encoding::SseChunked] {
        assert_eq!(read(encoding, b"GET / HTTP/1.1\r\n"), [Command::Ignore]);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_silent_client_costs_a_pointer() {
    assert_eq!(size_of::<Session>(), 8);
    assert!(size_of::<Command>() <= 40, "a read may give a thousand");
}
