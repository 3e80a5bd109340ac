//! The pacer against the plainest model of it.

use std::collections::HashMap as Map;

use proptest::prelude::*;

use super::*;

const DEVICES: [&str; 3] = ["A", "B", "C"];
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
enum Step {
    Offer(usize),
    /// So many milliseconds pass, and what is due is taken in the end, up to so many.
    Wait(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let most = prop_oneof![4 => Just(usize::MAX), 1 => 0_usize..2];
    let step = prop_oneof![
        3 => (0..DEVICES.len()).prop_map(Step::Offer),
        2 => (0_u64..400, most).prop_map(|(ms, most)| Step::Wait(ms, most)),
    ];
    prop::collection::vec(step, 1..200)
}

/// Each event is its device and its number.
type Numbered = (usize, u64);

#[derive(Default)]
struct Model {
    passed: Map<usize, Instant>,
    waiting: Map<usize, u64>,
    sent: Vec<Numbered>,
    replaced: Vec<Numbered>,
}

impl Model {
    /// Whether it is one of more devices than are known.
    fn is_beyond(&mut self, device: usize, now: Instant, most: usize) -> bool {
        let waiting = &self.waiting;
        self.passed
            .retain(|device, passed| now < *passed + INTERVAL || waiting.contains_key(device));
        self.passed.len() == most && !self.passed.contains_key(&device)
    }

    fn is_open(&self, device: usize, now: Instant) -> bool {
        self.passed.get(&device).is_none_or(|&passed| now >= passed + INTERVAL)
    }

    fn send(&mut self, (device, nth): Numbered, now: Instant) {
        assert!(self.is_open(device, now), "spaced");
        let before = self.sent.iter().rev().find(|(of, _)| *of == device);
        assert!(before.is_none_or(|(_, before)| *before < nth), "in order");
        self.passed.insert(device, now);
        self.sent.push((device, nth));
    }

    fn next_due(&self) -> Option<Instant> {
        let due = self.waiting.keys().map(|device| self.passed[device] + INTERVAL);
        due.min().or(self.passed.values().max().map(|&passed| passed + INTERVAL))
    }
}

proptest! {
    #[test]
    fn the_newest_event_of_each_device_passes_once_an_interval(steps in steps(), most in 1..=DEVICES.len()) {
        let (mut pacer, mut model) = (Pacer::new(INTERVAL, most), Model::default());
        let (mut now, mut nth) = (Instant::now(), 0);
        for step in steps.into_iter().chain([Step::Wait(500, usize::MAX), Step::Wait(500, usize::MAX)]) {
            match step {
                Step::Offer(device) => {
                    nth += 1;
                    if model.is_beyond(device, now, most) {
                        prop_assert_eq!(pacer.offer(DEVICES[device], (device, nth), now), Offered::Passed((device, nth)));
                        model.sent.push((device, nth));
                        continue;
                    }
                    let may_pass = model.is_open(device, now) && !model.waiting.contains_key(&device);
                    match pacer.offer(DEVICES[device], (device, nth), now) {
                        Offered::Passed(event) => {
                            prop_assert!(may_pass);
                            prop_assert_eq!(event, (device, nth));
                            model.send(event, now);
                        }
                        Offered::Held { replaced } => {
                            prop_assert!(!may_pass);
                            prop_assert_eq!(replaced, model.waiting.insert(device, nth).map(|old| (device, old)));
                            model.replaced.extend(replaced);
                        }
                    }
                }
                Step::Wait(ms, most) => {
                    now += Duration::from_millis(ms);
                    let due: Vec<Numbered> = std::iter::from_fn(|| pacer.take_due(now)).take(most).collect();
                    let is_all = due.len() < most;
                    for event in due {
                        prop_assert_eq!(model.waiting.remove(&event.0), Some(event.1), "the newest");
                        model.send(event, now);
                    }
                    if is_all {
                        prop_assert!(model.waiting.keys().all(|&device| !model.is_open(device, now)), "in time");
                        model.passed.retain(|_, passed| now < *passed + INTERVAL);
                        prop_assert_eq!(pacer.next_due(), model.next_due());
                        prop_assert_eq!(pacer.devices.len(), model.passed.len(), "quiet ones are forgotten");
                        prop_assert_eq!(pacer.passed.len(), model.passed.len());
                    }
                }
            }
            let mut waiting: Vec<u64> = pacer.waiting_since(now).map(|(_, nth)| *nth).collect();
            prop_assert_eq!(waiting.len(), pacer.len());
            let mut expected: Vec<u64> = model.waiting.values().copied().collect();
            waiting.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(waiting, expected);
        }
        prop_assert!(model.waiting.is_empty(), "the last one comes");
        prop_assert_eq!(model.sent.len() + model.replaced.len(), usize::try_from(nth).unwrap(), "none is lost");
    }
}
