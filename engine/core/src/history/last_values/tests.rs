//! Tests of what a source had kept from before.

use std::time::Instant;

use super::super::{Config, Entry, History};
use super::*;
use crate::event::{self, Parser};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

fn event(id: u64, device: &str) -> Arc<Event> {
    let mut parser = Parser::new(&event::Config::default());
    let tenant = TenantId::parse("T").unwrap();
    let parsed = parser.parse(EventId::new(id), &tenant, device, "t", br#"{"metrics":{}}"#);
    Arc::new(parsed.unwrap())
}

fn history(config: Config) -> (Arc<Histories>, History) {
    let all = Arc::new(Histories::new(config));
    let history = History::new(Arc::clone(&all), 0);
    (all, history)
}

fn values(history: &History, before: Option<LastValues>, end: Position) -> (LastValues, Vec<(String, u64)>) {
    let values = history.last_values(before, end, Instant::now());
    let events = values.events().map(|event| (event.device().to_owned(), event.id().get()));
    let events = events.collect();
    (values, events)
}

#[test]
fn what_was_kept_from_before_is_the_last_value_of_a_device_that_has_none() {
    let (all, history) = history(Config::default());
    history.append(1, Entry::Event(event(10, "A")));
    let (before, first) = values(&history, None, 2);
    assert_eq!(first, [("A".to_owned(), 10)]);
    for (id, device) in [(11, "B"), (12, "A"), (13, "B")] {
        history.seed(&event(id, device));
    }
    let (before, seeded) = values(&history, Some(before), 2);
    assert_eq!(seeded, [("B".to_owned(), 11), ("A".to_owned(), 10)], "older than what was published");
    history.append(2, Entry::Event(event(14, "B")));
    let (_, later) = values(&history, Some(before), 3);
    assert_eq!(later, [("A".to_owned(), 10), ("B".to_owned(), 14)]);
    drop(history);
    let left = all.counts();
    assert_eq!((left.last_values, left.last_value_bytes), (0, 0));
}

#[test]
fn it_takes_no_place_of_a_device_that_published() {
    let (_, history) = history(Config { devices: NonZeroUsize::new(1).unwrap(), events: 1, ..Config::default() });
    history.seed(&event(1, "A"));
    history.seed(&event(2, "B"));
    assert_eq!(values(&history, None, 1).1, [("A".to_owned(), 1)]);
    history.append(1, Entry::Event(event(3, "C")));
    assert_eq!(values(&history, None, 2).1, [("C".to_owned(), 3)]);
}
