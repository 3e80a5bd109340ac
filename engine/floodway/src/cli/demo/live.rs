//! The line that shows a demo at work.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use floodway_core::parts;
use floodway_server::gateway::{Observer, Totals};
use floodway_server::log::Writer;

/// The first line, and every further one on a terminal.
const EVERY: Duration = Duration::from_secs(1);

/// Further lines in a file or a pipe, where each is a new one.
const EVERY_ELSEWHERE: Duration = Duration::from_secs(5);

/// The running line. It ends with this value.
pub(super) struct Live {
    terminal: bool,
    to: Writer,
    running: JoinSet<Infallible>,
}

/// The counts at one moment.
#[derive(Clone, Copy)]
struct Counts {
    at: Instant,
    accepted: u64,
    totals: Totals,
}

impl Live {
    /// Shows on stdout, through `to`, what `observer` sees and how many `devices` are connected, each second on a
    /// terminal.
    pub(super) fn start(to: Writer, observer: Observer, devices: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        let terminal = io::stdout().is_terminal();
        let lines = to.clone();
        let show = async move || -> Infallible {
            let every = if terminal { EVERY } else { EVERY_ELSEWHERE };
            let mut before = Counts::now(&observer);
            let mut ticks = interval_at(Instant::now() + EVERY, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let now = Counts::now(&observer);
                let line = line(&parts(devices(), &before, &now), room(terminal));
                lines.push(placed(&line, terminal).into_bytes());
                before = now;
            }
        };
        let mut running = JoinSet::new();
        running.spawn(parts::kept("line", show));
        Self { terminal, to, running }
    }

    /// Leaves the last line where it is, and the shell's prompt the next one.
    pub(super) fn end(self) {
        drop(self.running);
        if self.terminal {
            self.to.push(b"\n".to_vec());
        }
    }
}

impl Counts {
    fn now(observer: &Observer) -> Self {
        Self {
            at: Instant::now(),
            accepted: observer.ingest().accepted,
            totals: observer.totals(),
        }
    }
}

/// What is told, the most telling first.
fn parts(devices: usize, before: &Counts, now: &Counts) -> [String; 5] {
    let seconds = (now.at - before.at).as_secs_f64().max(f64::EPSILON);
    let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
    let events = rate(before.accepted, now.accepted);
    let deliveries = rate(before.totals.delivered, now.totals.delivered);
    let subscribers = now.totals.ws + now.totals.sse;
    [
        format!("devices {devices}"),
        format!("events/s {events:.1}"),
        format!("subscribers {subscribers}"),
        format!("deliveries/s {deliveries:.1}"),
        format!("dropped {}", now.totals.dropped),
    ]
}

/// Columns of the terminal that a line may fill. One that filled the last would begin the next line, and then stay where it is
/// when it is replaced.
fn room(terminal: bool) -> usize {
    let width = terminal.then(crossterm::terminal::size).and_then(Result::ok);
    width.map_or(usize::MAX, |(width, _)| usize::from(width).saturating_sub(1))
}

/// As many parts as there is room for.
fn line(parts: &[String], room: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let separator = if line.is_empty() { "" } else { " | " };
        if line.len() + separator.len() + part.len() > room {
            break;
        }
        line.push_str(separator);
        line.push_str(part);
    }
    line
}

/// On a terminal a line replaces the one before, and erases what is left of it.
fn placed(line: &str, terminal: bool) -> String {
    if terminal { format!("\r{line}\x1b[K") } else { format!("{line}\n") }
}

#[cfg(test)]
mod tests;
