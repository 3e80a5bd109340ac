//! The handshakes: so many at once until all are through, with the server's price for each.

use crate::report::{Connect, Figure};
use crate::request::Request;
use crate::subscribers::Subscribers;
use floodway_instruments::machine::{Cpu, Processes};
use std::io;
use std::time::{Duration, Instant};

/// How long no handshake may get through before the rest is given up: a full backlog makes the kernel wait for
/// seconds, and try again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that one wait lasts.
const TURN: Duration = Duration::from_millis(100);

/// Handshakes that the first and the last figures are made of.
const SAMPLE: usize = 100;

/// The server's CPU time, and how many handshakes were through, at one moment.
type Reading = (Cpu, usize);

/// The server's CPU time along the handshakes.
struct Readings {
    start: Cpu,
    /// Once the first hundred were through.
    first: Option<Reading>,
    /// When a hundred were left.
    before_last: Option<Reading>,
}

/// Lets all subscribers connect, `at_once` of them at a time; calls `tell` with how many are ready as it goes on.
///
/// # Errors
/// If the event queue fails, which is the end of the run.
pub(crate) fn connect(
    subscribers: &mut Subscribers,
    server: &mut Processes,
    requests: Vec<Request>,
    at_once: usize,
    mut tell: impl FnMut(&Subscribers),
) -> io::Result<Connect> {
    let count = requests.len();
    let begun = Instant::now();
    let mut readings = Readings { start: server.cpu(), first: None, before_last: None };
    let (mut through, mut moved) = (0, begun);
    let mut requests = requests.into_iter().enumerate();
    while through < count && moved.elapsed() < PATIENCE {
        while subscribers.connecting < at_once
            && let Some((index, request)) = requests.next()
        {
            subscribers.start(index, request);
        }
        let now = subscribers.ready_us.len() + subscribers.refused;
        if now == through {
            subscribers.turn(TURN)?;
            tell(subscribers);
            continue;
        }
        (through, moved) = (now, Instant::now());
        readings.look(server, through, count);
    }
    let end = (server.cpu(), through);
    subscribers.give_up();
    let mut connect = times(&subscribers.ready_us);
    connect.connected = subscribers.ready_us.len();
    connect.refused = count - connect.connected;
    connect.seconds = Figure(moved.duration_since(begun).as_secs_f64());
    readings.price(end, &mut connect);
    Ok(connect)
}

impl Readings {
    /// Reads the CPU time where one of the samples begins or ends.
    fn look(&mut self, server: &mut Processes, through: usize, count: usize) {
        if through >= SAMPLE.min(count) && self.first.is_none() {
            self.first = Some((server.cpu(), through));
        }
        if count > SAMPLE && through >= count - SAMPLE && self.before_last.is_none() {
            self.before_last = Some((server.cpu(), through));
        }
    }

    /// The CPU time of a handshake: of all, of the first and the last hundred, which overlap if there are fewer than
    /// two hundred.
    fn price(&self, end: Reading, connect: &mut Connect) {
        let start = (self.start, 0);
        let (all, spent) = price(start, end);
        let each = |time: Duration| Figure(time.as_secs_f64() * 1e6 / end.1.max(1) as f64);
        connect.cpu_us = all;
        connect.user_us = each(spent.user());
        connect.system_us = each(spent.system());
        connect.first100_cpu_us = price(start, self.first.unwrap_or(end)).0;
        connect.last100_cpu_us = price(self.before_last.unwrap_or(start), end).0;
    }
}

/// Microseconds a handshake between two readings, and all of the time.
fn price((from, before): Reading, (to, after): Reading) -> (Figure, Cpu) {
    let spent = to.since(from);
    let handshakes = (after - before).max(1) as f64;
    (Figure(spent.total.as_secs_f64() * 1e6 / handshakes), spent)
}

/// How long the handshakes took, of times in the order in which they were through.
fn times(ready_us: &[u64]) -> Connect {
    let sample = SAMPLE.min(ready_us.len());
    Connect {
        p50_us: quantile(ready_us, 0.5),
        p99_us: quantile(ready_us, 0.99),
        max_us: quantile(ready_us, 1.0),
        first100_p50_us: quantile(&ready_us[..sample], 0.5),
        last100_p50_us: quantile(&ready_us[ready_us.len() - sample..], 0.5),
        ..Connect::default()
    }
}

/// The smallest time that so large a part of them does not exceed; 0 of none.
fn quantile(times: &[u64], part: f64) -> u64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() as f64 * part).ceil() as usize;
    times.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
