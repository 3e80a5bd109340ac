//! What arrived, held against what was published: order, loss, doubles, gaps, latency, completion.
//!
//! Per subscriber and device, numbers must grow by one. A number that
//! * is the next, or leaves some out, is *received*, and becomes the newest;
//! * is older than the newest and was left out before, is *received*, and *disordered*;
//! * was received before is *doubled*.
//!
//! The newest 32 numbers are told apart exactly. One that is older counts as doubled, whatever it is: it is a fault
//! either way, and if it was not seen before, its event stays among the lost. `lost` is what was expected and not
//! received when the phase ends; what comes later still is checked, but counts for no phase.

use crate::plan::Wants;
use crate::telemetry::Stamp;
use hdrhistogram::Histogram;

/// The most events that a phase can have; a number beyond it is one that nobody published.
const EVENTS_MAX: u64 = 1 << 26;

/// The longest latency that is told apart: a minute.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What one subscriber has of one device.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The newest number.
    newest: u32,
    /// Which of the newest 32 were received; bit 0 is the newest.
    seen: u32,
}

/// How a number fits what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Next,
    Late,
    Doubled,
}

impl Place {
    fn take(&mut self, n: u32) -> Fit {
        if n > self.newest {
            self.seen = self.seen.checked_shl(n - self.newest).unwrap_or(0) | 1;
            self.newest = n;
            return Fit::Next;
        }
        let bit = 1u32.checked_shl(self.newest - n).unwrap_or(0);
        if bit == 0 || self.seen & bit != 0 {
            return Fit::Doubled;
        }
        self.seen |= bit;
        Fit::Late
    }
}

/// Counts and times of one phase.
#[derive(Debug)]
pub(crate) struct Counts {
    /// Distinct events of this phase that arrived where they were wanted.
    pub(crate) received: u64,
    /// Events that had arrived before.
    pub(crate) doubled: u64,
    /// Events that arrived after a younger one of the same device.
    pub(crate) disordered: u64,
    /// Events that arrived where they were not wanted, or that nobody published.
    pub(crate) unwanted: u64,
    /// Gaps that the server told.
    pub(crate) gaps: u64,
    /// The events that those gaps stand for.
    pub(crate) gap_dropped: u64,
    /// Bytes read from the streams' sockets.
    pub(crate) bytes: u64,
    /// Events that everyone who wants them has.
    pub(crate) completed: u64,
    /// When the last event arrived, microseconds of the clock; 0: none did.
    pub(crate) last_us: u64,
    /// From the publisher's socket to the subscriber, microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Until the last subscriber had the event, microseconds.
    pub(crate) completion: Histogram<u64>,
}

impl Counts {
    fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("fixed bounds");
        Counts {
            received: 0,
            doubled: 0,
            disordered: 0,
            unwanted: 0,
            gaps: 0,
            gap_dropped: 0,
            bytes: 0,
            completed: 0,
            last_us: 0,
            latency: histogram(),
            completion: histogram(),
        }
    }
}

/// All subscribers' places, and the counts of the phase that runs.
#[derive(Debug)]
pub(crate) struct Tally {
    wants: Wants,
    /// By subscriber, then device; only one a subscriber if each wants one.
    places: Vec<Place>,
    /// How many subscribers want each device, since the phase began.
    wanters: Vec<u32>,
    /// The first event of the phase, counted over all devices from 0.
    first: u64,
    /// How many subscribers still lack each event of the phase.
    lacking: Vec<u32>,
    /// The phase that runs.
    pub(crate) counts: Counts,
}

impl Tally {
    /// Nothing was received yet, by so many subscribers.
    pub(crate) fn new(wants: Wants, subscribers: usize) -> Self {
        let each = if wants.one_of.is_some() { 1 } else { wants.devices as usize };
        Tally {
            wants,
            places: vec![Place::default(); subscribers * each],
            wanters: vec![0; wants.devices as usize],
            first: 0,
            lacking: Vec::new(),
            counts: Counts::new(),
        }
    }

    /// Begins a phase: so many events were published before it, and these subscribers are there. Gives the counts of
    /// what came before.
    pub(crate) fn begin(&mut self, published: u64, subscribers: impl Iterator<Item = usize>) -> Counts {
        self.first = published;
        self.lacking.clear();
        self.wanters.fill(0);
        for subscriber in subscribers {
            match self.wants.device(subscriber) {
                Some(device) => self.wanters[device as usize] += 1,
                None => self.wanters.iter_mut().for_each(|wanters| *wanters += 1),
            }
        }
        std::mem::replace(&mut self.counts, Counts::new())
    }

    /// How many subscribers want each device, since the phase began.
    pub(crate) fn wanters(&self) -> &[u32] {
        &self.wanters
    }

    /// Deliveries that are due once so many events in all were published.
    pub(crate) fn expected(&self, published: u64) -> u64 {
        let devices = u64::from(self.wants.devices);
        let (rounds, rest) = ((published - self.first) / devices, (published - self.first) % devices);
        let all: u64 = self.wanters.iter().map(|&wanters| u64::from(wanters)).sum();
        let begun = (0..rest).map(|offset| ((self.first + offset) % devices) as usize);
        rounds * all + begun.map(|device| u64::from(self.wanters[device])).sum::<u64>()
    }

    /// A subscriber got an event at this moment.
    pub(crate) fn event(&mut self, subscriber: usize, stamp: Stamp, now_us: u64) {
        let number = self.number(stamp);
        let Some((number, place)) = number.zip(self.place(subscriber, stamp.device)) else {
            self.counts.unwanted += 1;
            return;
        };
        match place.take(stamp.n) {
            Fit::Next => {}
            Fit::Late => self.counts.disordered += 1,
            Fit::Doubled => {
                self.counts.doubled += 1;
                return;
            }
        }
        if number >= self.first {
            self.received(number, now_us, now_us.saturating_sub(stamp.at_us), stamp.device);
        }
    }

    /// Which event it is, counted over all devices from 0; `None` if nobody can have published it.
    fn number(&self, stamp: Stamp) -> Option<u64> {
        let round = u64::from(stamp.n.checked_sub(1)?);
        let number = round * u64::from(self.wants.devices) + u64::from(stamp.device);
        (number < self.first + EVENTS_MAX).then_some(number)
    }

    fn place(&mut self, subscriber: usize, device: u32) -> Option<&mut Place> {
        match self.wants.device(subscriber) {
            Some(wanted) if wanted == device => Some(&mut self.places[subscriber]),
            None if device < self.wants.devices => {
                Some(&mut self.places[subscriber * self.wants.devices as usize + device as usize])
            }
            _ => None,
        }
    }

    fn received(&mut self, number: u64, now_us: u64, latency_us: u64, device: u32) {
        self.counts.received += 1;
        self.counts.last_us = now_us;
        self.counts.latency.saturating_record(latency_us);
        let index = (number - self.first) as usize;
        if index >= self.lacking.len() {
            self.grow(index);
        }
        // A stream that was not there when the phase began lacks nothing of it.
        self.lacking[index] = self.lacking[index].saturating_sub(1);
        if self.lacking[index] == 0 && self.wanters[device as usize] > 0 {
            self.counts.completed += 1;
            self.counts.completion.saturating_record(latency_us);
        }
    }

    fn grow(&mut self, index: usize) {
        let devices = u64::from(self.wants.devices);
        for at in self.lacking.len()..=index {
            let device = ((self.first + at as u64) % devices) as usize;
            self.lacking.push(self.wanters[device]);
        }
    }
}

#[cfg(test)]
mod tests;
