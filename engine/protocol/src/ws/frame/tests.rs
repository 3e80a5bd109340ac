//! Tests of `ws::frame`.

use super::*;

fn framed(opcode: u8, payload_bytes: usize) -> Vec<u8> {
    let mut out = b"before".to_vec();
    write(opcode, &vec![b'x'; payload_bytes], &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off(6)
}

#[test]
fn a_frame_says_its_length_in_the_shortest_form() {
    for (length, header) in [
        (0, &[0x81, 0][..]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (65_535, &[0x81, 126, 0xFF, 0xFF]),
        (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let frame = framed(TEXT, length);
        assert_eq!(frame[..header.len()], *header, "{length}");
        assert_eq!(frame.len(), header.len() + length);
        assert!(frame[header.len()..].iter().all(|&byte| byte == b'x'));
    }
}

#[test]
fn a_control_frame_has_its_own_opcode() {
    assert_eq!(framed(CLOSE, 2), [0x88, 2, b'x', b'x']);
}
