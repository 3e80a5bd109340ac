//! A history beside the plainest model of it: a list of all entries, of which the newest that fit are kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::event::{self, Event, Parser};
use floodway_protocol::names::TenantId;

#[derive(Clone, Debug)]
enum Step {
    /// An event of a device, with so much padding.
    Event(usize, usize),
    Gap,
    /// Something that no stream resumes behind.
    State,
    Wait(u64),
    Sweep,
    Shrink(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0_usize..5, 0_usize..300).prop_map(|(device, padding)| Step::Event(device, padding)),
        1 => Just(Step::Gap),
        1 => Just(Step::State),
        2 => (0_u64..4).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(Step::Shrink),
    ];
    prop::collection::vec(step, 1..300)
}

/// What the model knows of an entry.
#[derive(Clone, Debug)]
struct Known {
    id: u64,
    at: Instant,
    device: Option<usize>,
    memory: usize,
}

struct World {
    all: Arc<Histories>,
    history: History,
    entries: Vec<Known>,
    /// How many of them are not kept any more.
    gone: usize,
    /// Everything was forgotten up to here.
    cleared: usize,
    now: Instant,
}

/// The id that the history begins with.
const BEGIN: u64 = 10;

impl World {
    fn new(config: Config) -> Self {
        let all = Arc::new(Histories::new(config));
        let history = History::new(Arc::clone(&all), 0);
        history.begin(EventId::new(BEGIN));
        Self { all, history, entries: Vec::new(), gone: 0, cleared: 0, now: Instant::now() }
    }

    fn newest(&self) -> Position {
        self.entries.len() as u64
    }

    fn newest_id(&self) -> u64 {
        self.entries.last().map_or(BEGIN, |entry| entry.id)
    }

    fn event(&self, id: u64, device: usize, padding: usize) -> Arc<Event> {
        let mut parser = Parser::new(&event::Config::default());
        parser.received_at(self.now);
        let payload = format!(r#"{{"metrics":{{"x":"{}"}}}}"#, "x".repeat(padding));
        let tenant = TenantId::parse("T").unwrap();
        let event = parser.parse(EventId::new(id), &tenant, &device.to_string(), "t", payload.as_bytes());
        Arc::new(event.unwrap())
    }

    fn append(&mut self, entry: Entry, device: Option<usize>) {
        self.entries
            .push(Known { id: entry.id().get(), at: self.now, device, memory: entry.memory() });
        self.history.append(self.newest(), entry);
        self.evict(false);
    }

    /// As the settings say; what is old goes only when that is looked for.
    fn evict(&mut self, looks_for_old: bool) {
        let Config { events, bytes, age, .. } = self.all.config;
        let is_within = |kept: &[Known]| {
            kept.len() <= events
                && kept.iter().map(|entry| entry.memory).sum::<usize>() <= bytes
                && kept.first().is_none_or(|oldest| !looks_for_old || self.now - oldest.at <= age)
        };
        while !is_within(&self.entries[self.gone..]) {
            self.gone += 1;
        }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Event(device, padding) => {
                let event = self.event(self.newest_id() + 2, device, padding);
                self.append(Entry::Event(event), Some(device));
            }
            Step::Gap => self.mark(true, self.newest_id() + 2),
            Step::State => self.mark(false, self.newest_id()),
            Step::Wait(seconds) => self.now += Duration::from_secs(seconds),
            Step::Sweep => {
                self.history.evict(self.newest(), self.now);
                self.evict(true);
            }
            Step::Shrink(has_readers) => {
                self.history.shrink(self.newest(), has_readers);
                let kept = self.entries.len() - self.gone;
                self.gone += if has_readers { kept.div_ceil(2) } else { kept };
                self.cleared = if has_readers { self.cleared } else { self.entries.len() };
            }
        }
    }

    fn mark(&mut self, is_gap: bool, id: u64) {
        let mark = Mark { id: EventId::new(id), at: self.now, is_gap };
        self.append(Entry::Mark(Box::new(mark)), None);
    }

    fn check(&self) {
        let (held, bytes) = self.history.held(self.newest());
        let kept = &self.entries[self.gone..];
        assert_eq!(held, kept.len() as u64);
        assert_eq!(bytes, kept.iter().map(|entry| entry.memory as u64).sum::<u64>());
        let view = self.history.view();
        for (position, known) in (1..).zip(&self.entries) {
            let found = view.get(position).map(Entry::id);
            assert!(found == Some(EventId::new(known.id)) || (found.is_none() && position <= self.gone as u64));
        }
        assert!(view.get(self.newest() + 1).is_none());
    }

    /// Where a stream goes on that has seen this id last.
    fn check_locate(&self, id: u64) {
        let age = self.all.config.age;
        let old = self.entries[self.gone..].iter().take_while(|entry| self.now - entry.at > age);
        let first = self.gone + old.count();
        let behind = self.entries.iter().rposition(|entry| entry.id == id).map(|at| at + 1);
        // What is older is found as long as it happens to be stored; before the first that is kept is near enough.
        let expected = match behind.or((id == BEGIN).then(|| self.entries.iter().take_while(|e| e.id == BEGIN).count()))
        {
            Some(position)
                if position > first || position == first && self.history.view().id_at(position as u64).is_some() =>
            {
                Located::Behind(position as u64)
            }
            _ => Located::Lost(first as u64, None),
        };
        let found = self.history.locate(Some(EventId::new(id)), self.now);
        if let Located::Lost(at, Some(missed)) = found {
            assert_eq!((Located::Lost(at, None), missed), (expected, self.events_between(id, first)), "id {id}");
        } else {
            assert_eq!(found, expected, "id {id}");
        }
    }

    fn events_between(&self, id: u64, first: usize) -> u64 {
        let between = self.entries[..first].iter().filter(|entry| entry.id > id && entry.device.is_some());
        between.count() as u64
    }

    fn check_last_values(&self, before: Option<LastValues>) -> LastValues {
        let values = self.history.last_values(before, self.newest() + 1, self.now);
        let mut expected: Vec<(usize, u64)> = Vec::new();
        for entry in &self.entries[self.cleared..] {
            if let Some(device) = entry.device {
                expected.retain(|(known, _)| *known != device);
                expected.push((device, entry.id));
            }
        }
        let surplus = expected.len().saturating_sub(self.all.config.devices.get());
        let found = values.events().map(|event| (event.device().parse().unwrap(), event.id().get()));
        assert_eq!(found.collect::<Vec<_>>(), expected[surplus..]);
        values
    }
}

proptest! {
    #[test]
    fn a_history_keeps_the_newest_entries_that_fit_and_the_last_value_of_each_device(
        steps in steps(),
        events in prop::sample::select(vec![0_usize, 1, 3, 40, 1000]),
        bytes in prop::sample::select(vec![0_usize, 2_000, 10_000, 1_000_000]),
        devices in 1_usize..6,
        asked in prop::collection::vec(0_usize..1000, 1..6),
    ) {
        let devices = devices.try_into().unwrap();
        let mut world = World::new(Config { events, bytes, age: Duration::from_secs(10), devices, ..Config::default() });
        let mut known = None;
        for (nth, step) in steps.iter().enumerate() {
            world.play(step);
            world.check();
            if asked.contains(&nth) {
                let forgets = matches!(step, Step::Shrink(false));
                known = Some(world.check_last_values(known.filter(|_| !forgets && world.cleared == 0)));
            }
        }
        for id in 0..=world.newest_id() + 1 {
            world.check_locate(id);
        }
        world.check_last_values(None);
        let all = Arc::clone(&world.all);
        let evicted: u64 = all.counts().evicted.iter().sum();
        prop_assert_eq!(evicted, world.gone as u64);
        drop(world);
        let left = all.counts();
        prop_assert_eq!((left.entries, left.bytes, left.last_values, left.last_value_bytes), (0, 0, 0, 0));
    }
}
