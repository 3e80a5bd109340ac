//! Any bytes in any frames, which come in any pieces.

use bytes::{Buf, BufMut, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::frames::{Part, Reader};

/// A frame of a message, whether it is the last one, and a ping behind it.
type Sent = (Vec<u8>, bool, Option<Vec<u8>>);

fn frames() -> impl Strategy<Value = Vec<Sent>> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..8), vec(any::<u8>(), 120..130), vec(any::<u8>(), 65_530..65_540)];
    vec((bytes(), any::<bool>(), proptest::option::of(vec(any::<u8>(), 0..126))), 0..6)
}

/// What a server writes.
fn wire(frames: &[Sent]) -> Vec<u8> {
    let mut wire = BytesMut::new();
    let mut frame = |opcode, is_final, payload: &[u8]| {
        let header = FrameHeader { opcode, is_final, ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut (&mut wire).writer()).unwrap();
        wire.put_slice(payload);
    };
    let mut goes_on = false;
    for (payload, is_final, ping) in frames {
        let kind = if goes_on { Data::Continue } else { Data::Binary };
        frame(OpCode::Data(kind), *is_final, payload);
        goes_on = !is_final;
        if let Some(ping) = ping {
            frame(OpCode::Control(Control::Ping), true, ping);
        }
    }
    wire.to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_bytes_are_those_that_were_sent_however_they_were_cut(frames in frames(), pieces in vec(1..70_000_usize, 1..8)) {
        let mut wire = &wire(&frames)[..];
        let (mut reader, mut read) = (Reader::default(), BytesMut::new());
        let (mut bytes, mut pings) = (Vec::new(), Vec::new());
        for piece in pieces.iter().cycle() {
            if wire.is_empty() {
                break;
            }
            let piece = &wire[..wire.len().min(*piece)];
            read.extend_from_slice(piece);
            wire.advance(piece.len());
            while let Some(part) = reader.next(&mut read).unwrap() {
                match part {
                    Part::Data(ready) => {
                        bytes.extend_from_slice(&read[..ready]);
                        reader.took(&mut read, ready);
                    }
                    Part::Ping(ping) => pings.push(ping.to_vec()),
                    Part::Close(..) => panic!("nobody has closed"),
                }
            }
        }
        let sent: Vec<u8> = frames.iter().flat_map(|(payload, ..)| payload.clone()).collect();
        prop_assert!(bytes == sent);
        let asked: Vec<Vec<u8>> = frames.into_iter().filter_map(|(.., ping)| ping).collect();
        prop_assert_eq!(pings, asked);
    }
}
