//! Tests of `cli::events`.

use super::*;
use floodway_proto::admin::v1::{LimitHit, Transport, WatchEventsGap};

fn stream() -> Option<StreamIdentity> {
    let mut stream = StreamIdentity {
        connection_id: "c1".into(),
        tenant_id: "acme".into(),
        subject: "me\u{7}".into(),
        peer: "127.0.0.1:5".into(),
        ..StreamIdentity::default()
    };
    stream.set_transport(Transport::Websocket);
    Some(stream)
}

#[test]
fn an_event_is_one_line() {
    let closed = StreamClosed { stream: stream(), reason: "admin".into(), close_code: 4010 };
    assert_eq!(text(&Event::Closed(closed)), "closed   c1 acme me\u{fffd} ws 127.0.0.1:5  admin 4010");
    let refused = StreamRefused {
        peer: "127.0.0.1:5".into(),
        reason: "bad_token".into(),
        ..StreamRefused::default()
    };
    assert_eq!(text(&Event::Refused(refused)), "refused  - 127.0.0.1:5  bad_token");
    let refused = StreamRefused {
        reason: "bad_token".into(),
        check: "expired".into(),
        detail: "exp is past".into(),
        ..StreamRefused::default()
    };
    assert_eq!(text(&Event::Refused(refused)), "refused  - -  bad_token expired: exp is past");
    let mut hit = LimitHit { connection_id: "c1".into(), tenant_id: "acme".into(), ..LimitHit::default() };
    hit.set_limit(LimitKind::QueueSize);
    assert_eq!(text(&Event::LimitHit(hit)), "limit    c1 acme  queue-size hit");
    let gap = text(&Event::Gap(WatchEventsGap { missed: 2 }));
    assert!(gap.contains("2 lines missing"), "{gap}");
}
