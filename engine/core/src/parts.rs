//! What happens when a part of the process panics that lives as long as the process.
//!
//! Every panic is logged, with its thread and place, and counted ([`watch_panics`]). Whoever runs a part either starts it
//! again ([`kept`]) or learns that it has ended ([`guarded`], [`caught`]) and ends the process in order.
//!
//! Tests make a part panic: in builds with debug assertions, and only there, `FAULTS` names a folder, and a part that
//! finds a file of its name there removes it and panics. Nothing else kills one part of a process from outside.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::time::sleep;

/// The variable of the environment that names the folder of faults. It is no setting, hence its name.
const FAULTS: &str = "TEST_FLOODWAY_FAULTS";

/// Between two looks into that folder.
const LOOK: Duration = Duration::from_millis(20);

/// Before a part that panicked is started again, so that one that always does costs little.
const PAUSE: Duration = Duration::from_millis(500);

/// The threads that there are, as panics are counted: by the beginning of a thread's name, else as the last.
const THREADS: [&str; 7] = ["main", "ingest", "shard", "admin", "log", "broker", "other"];

static PANICS: [AtomicU64; THREADS.len()] = [const { AtomicU64::new(0) }; THREADS.len()];

/// A part has panicked. The log says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked; see the log")]
pub struct Panicked;

/// From now on panics are logged and counted. Without this they are written to stderr, whose reader may be stopped, and
/// then the writer waits.
pub fn watch_panics() {
    std::panic::set_hook(Box::new(panicked));
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let current = thread::current();
    let thread = current.name().unwrap_or_default();
    PANICS[kind(thread)].fetch_add(1, Ordering::Relaxed);
    let place = panic.location().map(ToString::to_string);
    let text = panic.payload();
    let text = text
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| text.downcast_ref::<String>().map(String::as_str));
    tracing::error!(thread, place, panic = text.unwrap_or("of unknown kind"), "panicked; please report this");
}

fn kind(thread: &str) -> usize {
    let known = THREADS.iter().position(|kind| thread.starts_with(kind));
    known.unwrap_or(THREADS.len() - 1)
}

/// Panics so far, by the kind of thread.
pub fn panics() -> impl Iterator<Item = (&'static str, u64)> {
    let counted = PANICS.iter().map(|count| count.load(Ordering::Relaxed));
    THREADS.into_iter().zip(counted)
}

/// Runs `work`, of the part `name`. What `work` was changing may be half changed when it has panicked: the caller builds
/// it anew, or resets it.
///
/// # Errors
/// If it panicked.
pub fn caught<T>(name: &str, work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        tracing::error!(part = name, "has panicked");
        Panicked
    })
}

/// As [`caught`], for a future.
///
/// # Errors
/// If it panicked.
pub async fn guarded<T>(name: &str, work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|cx| match caught(name, || work.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Runs the part `name` until it ends, and starts it again whenever it panics.
pub async fn kept<T>(name: &str, mut start: impl AsyncFnMut() -> T) -> T {
    loop {
        let run = async {
            tokio::select! {
                ended = start() => ended,
                never = faults(name) => match never {},
            }
        };
        if let Ok(ended) = guarded(name, run).await {
            return ended;
        }
        sleep(PAUSE).await;
        tracing::info!(part = name, "starts again");
    }
}

fn folder() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    if !cfg!(debug_assertions) {
        return None;
    }
    let given = || std::env::var_os(FAULTS).map(PathBuf::from);
    FOLDER.get_or_init(given).as_ref()
}

/// Whether a test may make parts of this process panic.
pub fn has_faults() -> bool {
    folder().is_some()
}

/// Panics if a test wants the part `name` to.
pub fn fault(name: &str) {
    if let Some(folder) = folder() {
        let wanted = std::fs::remove_file(folder.join(name)).is_ok();
        assert!(!wanted, "{name}: a test wants it");
    }
}

/// Panics as soon as a test wants the part `name` to; else it waits for ever.
pub async fn faults(name: &str) -> Infallible {
    while has_faults() {
        sleep(LOOK).await;
        fault(name);
    }
    pending().await
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
