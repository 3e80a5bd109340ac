//! The log: lines on stderr, for people on a terminal and as JSON for machines.
//!
//! Invariants: nothing is written to stdout, so scripts can use what a command prints. A thread that logs never waits for
//! the reader of stderr, and never fails with it: lines go through a [`Writer`], and those that can't be written are counted.

mod writer;

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use floodway_core::parts;
pub use writer::Writer;

/// The log of this process, after it was started.
static LOG: OnceLock<Writer> = OnceLock::new();

/// Where lines go if no log was started: the reader of stderr may have stopped then too.
static WITHOUT_LOG: OnceLock<Option<Writer>> = OnceLock::new();

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// `log.filter`: levels, by target where wanted: `info`, `floodway=debug,warn`. Default `info`.
    pub filter: String,
    /// `log.format`. Default none: text on a terminal, else JSON.
    pub format: Option<Format>,
    /// `log.queue_bytes`: lines that wait for stderr to take them; more are dropped and counted. Default 256 KiB.
    pub queue_bytes: NonZeroUsize,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, the event's fields beside `timestamp`, `level`, `message` and `target`.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: None,
            queue_bytes: const { NonZeroUsize::new(256 * 1024).unwrap() },
        }
    }
}

/// Starts the log of this process, which includes `log` records of libraries, and panics.
///
/// # Errors
/// If the filter is not one, the system gives no thread, or a log was started before.
pub fn init(config: &Config) -> Result<(), String> {
    let terminal = io::stderr().is_terminal();
    let report = report(config, terminal)?;
    let (stderr, bytes) = (io::stderr(), config.queue_bytes.get());
    let writer = Writer::start_with("log", stderr.as_fd(), bytes, report).map_err(|error| error.to_string())?;
    let lines = writer.clone();
    subscriber(config, terminal, move |line: &[u8]| lines.push(line.to_vec()))?
        .try_init()
        .map_err(|error| error.to_string())?;
    // It can only fail if there is one, which the line above has excluded.
    let _ = LOG.set(writer);
    parts::watch_panics();
    Ok(())
}

/// Lines of the log that were lost because stderr did not take them.
pub fn dropped() -> u64 {
    LOG.get().map_or(0, Writer::dropped)
}

/// Writes a line to stderr, after all that was logged before. It may be lost like any other.
pub fn say(line: &str) {
    if let Some(writer) = LOG.get().or_else(without_log) {
        writer.push(format!("{line}\n").into_bytes());
    }
}

fn without_log() -> Option<&'static Writer> {
    let start = || {
        let bytes = Config::default().queue_bytes.get();
        Writer::start("log", io::stderr().as_fd(), bytes).ok()
    };
    WITHOUT_LOG.get_or_init(start).as_ref()
}

/// Waits until everything that was logged is written, but only `within` this time. Called when the process ends.
pub fn finish(within: Duration) {
    let until = Instant::now() + within;
    let writers = [WITHOUT_LOG.get().and_then(Option::as_ref), LOG.get()];
    for writer in writers.into_iter().flatten() {
        writer.finish(until.saturating_duration_since(Instant::now()));
    }
}

/// The line with the number of lost ones, in the form of all others.
fn report(config: &Config, terminal: bool) -> Result<writer::Report, String> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&written);
    let lines = subscriber(config, terminal, move |line: &[u8]| {
        let mut written = to.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(line);
    })?;
    let lines = tracing::Dispatch::new(lines);
    Ok(Box::new(move |lost| {
        tracing::dispatcher::with_default(&lines, || {
            tracing::warn!(lost, "lines of the log were lost: stderr did not take them");
        });
        std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner))
    }))
}

/// Gives each line to a function. tracing-subscriber writes a whole line at once.
struct Lines<F>(F);

impl<F: FnMut(&[u8])> io::Write for Lines<F> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        (self.0)(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks a filter; an error is the hint.
pub fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected a level such as info, or floodway=debug,warn ({error})")),
    }
}

/// Formats what is logged, and gives each line to `write`.
fn subscriber(
    config: &Config,
    terminal: bool,
    write: impl Fn(&[u8]) + Clone + Send + Sync + 'static,
) -> Result<Box<dyn Subscriber + Send + Sync>, String> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| error.to_string())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // They would go through `eprintln`, which panics if stderr is gone.
        .log_internal_errors(false)
        .with_writer(move || Lines(write.clone()));
    let by_target = if terminal { Format::Text } else { Format::Json };
    Ok(match config.format.unwrap_or(by_target) {
        // https://no-color.org: set, and not empty.
        Format::Text => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            Box::new(lines.with_ansi(terminal && !plain).finish())
        }
        Format::Json => {
            Box::new(lines.json().flatten_event(true).with_current_span(false).with_span_list(false).finish())
        }
    })
}

#[cfg(test)]
mod tests;
