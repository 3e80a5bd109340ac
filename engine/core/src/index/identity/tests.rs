//! Tests of `index::identity`.

use super::*;

#[test]
fn a_number_is_read_back_from_its_text_and_from_itself() {
    for (shard, nth, text) in [(0, 0, "0-0"), (3, 17, "3-17"), (63, (1 << 58) - 1, "63-288230376151711743")] {
        let id = ConnectionId::new(shard, nth);
        assert_eq!((id.to_string().as_str(), id.shard()), (text, shard));
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(ConnectionId::from(id.get()), id);
    }
    for text in ["", "3", "3-", "-17", "64-1", "3-+1", "03-1", "3-1-2", "0-288230376151711744"] {
        assert_eq!(text.parse::<ConnectionId>(), Err(BadConnectionId), "{text}");
    }
}

#[test]
fn later_streams_have_larger_numbers_whatever_their_shards() {
    assert!(ConnectionId::new(5, 1) < ConnectionId::new(0, 2));
    assert!(ConnectionId::new(0, 2) < ConnectionId::new(1, 2));
}

#[test]
fn what_clients_say_of_themselves_is_bounded() {
    let client = ClientInfo::new(Transport::Sse)
        .with_subject(Some("alice"))
        .with_user_agent(Some(&[0xff; 1000]));
    assert_eq!(client.subject(), Some("alice"));
    assert!(client.user_agent().is_some_and(|text| !text.is_empty() && text.len() <= 200));
    let long = "é".repeat(128);
    let client = client.with_subject(Some(&long)).with_user_agent(Some(long.as_bytes()));
    assert_eq!(client.subject(), None, "256 bytes are one too many");
    assert!(client.user_agent().is_some_and(|text| long.starts_with(text)));
    for (at, transport) in Transport::ALL.into_iter().enumerate() {
        assert_eq!(transport as usize, at);
    }
}
