//! A ring against the plainest model of each policy: a list of what its reader is sent.

use proptest::prelude::*;

use super::*;

const DEVICES: [&str; 4] = ["A", "B", "C", "D"];

#[derive(Clone, Debug)]
enum Step {
    /// An event of this device.
    Push(usize),
    Notice,
    /// The socket takes so many bytes.
    Write(usize),
    /// So many events may wait from now on, under this policy.
    Limit(usize, Overflow),
}

#[derive(Clone, Debug)]
enum Message {
    Event(u64, usize),
    Overflow(u64),
    Ready(Vec<u8>),
}

impl Message {
    fn conflated(events: u64) -> Self {
        Self::Ready(gap(Gap::Conflated(events)))
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Event(id, device) => event(*id, DEVICES[*device]).bytes().to_vec(),
            Self::Overflow(dropped) => gap(Gap::Overflow(*dropped)),
            Self::Ready(bytes) => bytes.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Model {
    waiting: VecDeque<Message>,
    /// What is on the wire of a message that was taken out of `waiting`, and what is not.
    begun: Vec<u8>,
    /// Whether that is an event.
    is_event_begun: bool,
    /// Events passed over since the turn.
    conflates: Option<u64>,
    sent: Vec<u8>,
    pushed: u64,
    delivered: u64,
    dropped: u64,
    conflated: u64,
}

impl Model {
    fn events(&self) -> Vec<(usize, usize)> {
        let events = self.waiting.iter().enumerate();
        events
            .filter_map(|(at, message)| match message {
                Message::Event(_, device) => Some((at, *device)),
                _ => None,
            })
            .collect()
    }

    fn push(&mut self, device: usize, capacity: usize, overflow: Overflow) {
        self.pushed += 1;
        let new = Message::Event(self.pushed, device);
        if overflow != Overflow::Latest {
            self.turn_back();
        }
        let waiting = self.events();
        if self.conflates.is_none() && waiting.len() < capacity {
            return self.waiting.push_back(new);
        }
        match overflow {
            Overflow::DropNewest => {
                self.dropped += 1;
                match self.waiting.back_mut() {
                    Some(Message::Overflow(dropped)) => *dropped += 1,
                    _ => self.waiting.push_back(Message::Overflow(1)),
                }
            }
            Overflow::Disconnect | Overflow::CatchUp => self.dropped += 1,
            Overflow::DropOldest => {
                while self.events().len() >= capacity {
                    self.drop_at(self.events()[0].0);
                }
                self.waiting.push_back(new);
            }
            Overflow::Latest => {
                if self.conflates.is_none() {
                    self.turn(&waiting);
                }
                self.replace(new, device, capacity);
            }
        }
    }

    /// Its gap is one with those beside it.
    fn drop_at(&mut self, at: usize) {
        self.dropped += 1;
        self.waiting[at] = Message::Overflow(1);
        for before in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            if let (Some(&Message::Overflow(first)), Some(&Message::Overflow(second))) =
                (self.waiting.get(before), self.waiting.get(before + 1))
            {
                self.waiting[before] = Message::Overflow(first + second);
                self.waiting.remove(before + 1);
            }
        }
    }

    fn turn(&mut self, waiting: &[(usize, usize)]) {
        let is_overtaken = |nth: usize| waiting[nth + 1..].iter().any(|(_, device)| *device == waiting[nth].1);
        let overtaken: Vec<usize> =
            (0..waiting.len()).filter(|&nth| is_overtaken(nth)).map(|nth| waiting[nth].0).collect();
        for at in overtaken.iter().rev() {
            self.waiting.remove(*at);
        }
        let folded = overtaken.len() as u64;
        self.waiting.insert(waiting[0].0, Message::conflated(folded));
        self.conflated += folded;
        self.conflates = Some(0);
    }

    fn replace(&mut self, new: Message, device: usize, capacity: usize) {
        let mut passed = 0;
        if let Some((at, _)) = self.events().into_iter().find(|(_, of)| *of == device) {
            self.waiting.remove(at);
            passed += 1;
        }
        while self.events().len() >= capacity {
            self.waiting.remove(self.events()[0].0);
            passed += 1;
        }
        self.waiting.push_back(new);
        self.conflated += passed;
        self.conflates = self.conflates.map(|before| before + passed);
    }

    fn turn_back(&mut self) {
        if let Some(passed) = self.conflates.take() {
            self.waiting.push_back(Message::conflated(passed));
        }
    }

    /// The socket takes so many bytes, of 64 messages at most.
    fn write(&mut self, mut n: usize) {
        let mut messages = 64;
        while messages > 0 && n > 0 {
            if self.begun.is_empty() {
                let Some(next) = self.waiting.pop_front() else {
                    break;
                };
                self.begun = next.bytes();
                self.is_event_begun = matches!(next, Message::Event(..));
            }
            let now = n.min(self.begun.len());
            self.sent.extend(self.begun.drain(..now));
            n -= now;
            if self.begun.is_empty() {
                self.delivered += u64::from(self.is_event_begun);
                messages -= 1;
            }
        }
        if self.begun.is_empty() && self.waiting.is_empty() {
            self.turn_back();
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let policy = prop::sample::select(Overflow::NAMED.map(|(_, policy)| policy).to_vec());
    let step = prop_oneof![
        20 => (0..DEVICES.len()).prop_map(Step::Push),
        1 => Just(Step::Notice),
        3 => (0_usize..300).prop_map(Step::Write),
        1 => Just(Step::Write(usize::MAX)),
        1 => (1_usize..6, policy).prop_map(|(capacity, overflow)| Step::Limit(capacity, overflow)),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn a_ring_is_what_its_model_is(steps in steps(), mut capacity in 1_usize..6) {
        let (mut ring, mut model) = (Ring::new(Tenths::default()), Model::default());
        let (mut sent, mut delivered, mut dropped, mut conflated) = (Vec::new(), 0, 0, 0);
        let mut overflow = Overflow::Latest;
        let all = std::iter::repeat_n(Step::Write(usize::MAX), 8);
        for step in steps.into_iter().chain(all) {
            match step {
                Step::Push(device) => {
                    model.push(device, capacity, overflow);
                    match ring.put(event(model.pushed, DEVICES[device]), capacity, overflow) {
                        Pushed::Held => {}
                        Pushed::Dropped(events) => dropped += events,
                        Pushed::Conflated(events) => conflated += events,
                        Pushed::Refused | Pushed::Behind => dropped += 1,
                    }
                }
                Step::Notice => {
                    ring.push_notice(b"answer\n\n", usize::MAX).unwrap();
                    model.waiting.push_back(Message::Ready(b"answer\n\n".to_vec()));
                }
                Step::Write(n) => {
                    delivered += write_some(&mut ring, n, &mut sent);
                    model.write(n);
                }
                Step::Limit(events, policy) => (capacity, overflow) = (events, policy),
            }
            let counted = (delivered, dropped, conflated);
            prop_assert_eq!(counted, (model.delivered, model.dropped, model.conflated));
            prop_assert_eq!(model.pushed, delivered + dropped + conflated + ring.held());
            prop_assert_eq!(ring.queued(), model.events().len() as u64);
            let needed = model.waiting.len() + 1;
            prop_assert!(ring.entries.len() <= needed + EMPTY_PLACES.max(needed + 1), "what is passed over costs little");
        }
        prop_assert!(ring.is_empty());
        prop_assert_eq!(String::from_utf8(sent), String::from_utf8(model.sent));
    }
}
