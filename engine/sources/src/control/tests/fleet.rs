//! Gateways know of one another.

use super::*;

fn status(websocket: u64) -> Status {
    Status { websocket, ..Status::default() }
}

fn said(websocket: u64) -> String {
    format!("{{\"websocket\":{websocket},\"interval_ms\":5000,\"of_a_newer_version\":[]}}")
}

fn members(bed: &Bed) -> Vec<(String, u64)> {
    let fleet = bed.control.fleet();
    let members = fleet.iter();
    members.map(|member| (member.node.clone(), member.status.websocket)).collect()
}

#[test]
fn the_others_newest_words_are_kept_until_they_are_silent_or_cleared() {
    let mut bed = following(&[]);
    bed.hears("fleet/A", &said(1));
    bed.hears("fleet/B", &said(2));
    bed.hears("fleet/A", &said(3));
    bed.hears("fleet/N", &said(9));
    assert_eq!(members(&bed), [("A".to_owned(), 3), ("B".to_owned(), 2)]);
    bed.hears("fleet/A", "");
    assert_eq!(members(&bed), [("B".to_owned(), 2)]);
    bed.passes(14);
    assert_eq!(members(&bed).len(), 1);
    bed.passes(1);
    assert!(members(&bed).is_empty());
    bed.hears("fleet/C", "{\"websocket\":-1}");
    assert!(bed.problem().contains("fleet/C"));
}

#[test]
fn the_fleet_is_bounded() {
    let mut bed = bed_with(Config { fleet_members: 1, ..Config::default() });
    bed.link_up();
    bed.hears("fleet/A", &said(1));
    bed.hears("fleet/B", &said(1));
    bed.hears("fleet/A", &said(2));
    assert_eq!(members(&bed), [("A".to_owned(), 2)]);
    assert!(bed.problem().contains("control.fleet_members"));
}

#[test]
fn our_own_status_is_published_when_it_changed_or_would_be_forgotten() {
    let mut bed = following(&[]);
    assert!(bed.sends().is_none(), "nothing was announced");
    bed.control.announce(status(1));
    let Some((id, StoreRequest::Publish { topic, payload, retain, expiry })) = bed.sends() else {
        panic!("it is published");
    };
    assert_eq!((topic, retain, expiry), (at("fleet/N"), true, Some(15)));
    let read: Status = serde_json::from_slice(&payload).unwrap();
    assert_eq!((read.websocket, read.interval_ms), (1, 5000));
    bed.answers(id, Ok(()));
    bed.passes(5);
    assert!(bed.sends().is_none(), "it has not changed");
    bed.control.announce(status(2));
    bed.passes(4);
    assert!(bed.sends().is_none(), "not yet");
    bed.passes(1);
    let (id, _, _) = bed.publishes();
    bed.answers(id, Ok(()));
    bed.passes(5);
    assert!(bed.sends().is_none());
    bed.passes(5);
    let (id, _, _) = bed.publishes();
    bed.answers(id, Ok(()));
    bed.hears("fleet/N", "");
    bed.publishes();
}

#[test]
fn a_published_status_is_cleared_at_the_end() {
    let mut bed = following(&[]);
    assert_eq!(bed.follower.topic_to_clear(), None);
    bed.control.announce(status(1));
    bed.obey();
    assert_eq!(bed.follower.topic_to_clear(), Some(at("fleet/N")));
    assert_eq!(bed.follower.will_topic(), at("fleet/N"));
    bed.follower.link_lost();
    assert_eq!(bed.follower.topic_to_clear(), None);
}

#[test]
fn a_status_that_the_broker_does_not_take_is_not_sent_and_the_next_broker_gets_it() {
    let mut bed = following(&[]);
    bed.follower.link_lost();
    let narrow = StoreFacts { message_bytes: 100, ..ABLE };
    bed.follower.link_up(narrow, bed.now);
    bed.obey();
    assert_eq!(bed.control.sync_state(), SyncState::Following);
    bed.control.announce(status(1));
    for _ in 0..3 {
        assert!(bed.sends().is_none(), "it would end the connection");
        bed.passes(5);
    }
    assert_eq!(bed.follower.topic_to_clear(), None, "there is nothing to take back");
    bed.follower.link_lost();
    bed.link_up();
    assert_eq!(bed.follower.topic_to_clear(), Some(at("fleet/N")));
}

/// Plays a broker until nothing more is sent. Returns false at a status, for which it ends the connection.
fn outlives(bed: &mut Bed) -> bool {
    while let Some((id, request)) = bed.sends() {
        if let StoreRequest::Publish { topic, payload, .. } = request {
            if topic == at("fleet/N") {
                bed.follower.link_lost();
                return false;
            }
            bed.follower.message(topic.as_bytes(), &payload, false, bed.now);
        }
        bed.answers(id, Ok(()));
    }
    true
}

#[test]
fn a_status_for_which_the_broker_ends_the_connection_is_left_out_soon() {
    let mut bed = bed();
    bed.control.announce(status(1));
    for outlived in [false, false, true] {
        bed.follower.link_up(ABLE, bed.now);
        assert_eq!(outlives(&mut bed), outlived);
    }
    assert_eq!(bed.control.sync_state(), SyncState::Following);
}
