//! Tests of `mqtt::request_scheduler`.

use super::*;
use crate::mqtt::config::Config;
use crate::mqtt::share::Share;
use floodway_core::index::{Index, Limits};

#[test]
fn who_follows_no_documents_waits_until_another_connection_has_read_them() {
    let index = Arc::new(Index::new(1, Limits::default()));
    let mut subscriptions = Subscriptions::new(&Config::default(), Share::WHOLE, Arc::default(), index);
    let gate = Gate::new(false);
    let mut scheduler = RequestScheduler::new(&mut subscriptions, None, &gate);
    let facts = StoreFacts {
        message_bytes: 1024,
        message_bytes_setting: "none",
        is_able: true,
        refuses_wild_names: false,
        has_backlog: false,
    };
    scheduler.link_up(0, facts, Instant::now());
    assert!(!scheduler.open_if_settled());
    assert_eq!(scheduler.source_state(), SourceState::Reading);
    gate.open();
    assert!(scheduler.open_if_settled());
    assert_eq!(scheduler.source_state(), SourceState::Open);
}
