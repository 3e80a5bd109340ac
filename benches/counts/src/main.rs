//! How many instructions do the steps of an event, of a subscriber and of a token take?
//!
//! Counted by valgrind's callgrind, so that neither the load nor the speed of the machine shows: two runs of one binary
//! give the same numbers. Each bench is one call (or one batch) on fixed input, in steady state: what is only paid the
//! first time was paid in its set-up, which is not counted, no more than dropping what it returns.
//!
//! Beside each bench stand its limit and, behind it, the count that the limit was made from, a tenth below. A run with a
//! count above its limit fails. Who makes a hot function dearer for a reason raises its limit in the same change, and who
//! makes it cheaper lowers it.
//!
//! What can move a count without a change of ours: the compiler, the C library (`malloc`, `memcpy`) and the kernels of
//! simd-json and aws-lc, which both choose at run time. Valgrind shows every x86-64 machine with AVX2 the same processor,
//! with AVX2 and without AVX-512 and the SHA extensions; the limits are for that one. The kernel is not counted.

mod event;
mod history;
mod route;
mod shard;
mod shard_ring;
mod token;
mod valve;

use event::events;
use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig, main};
use history::histories;
use route::routes;
use shard::shards;
use shard_ring::rings;
use token::tokens;

/// The payload of the benches of one event: 113 bytes, what a device sends that measures three things.
const PAYLOAD: &[u8] = br#"{"ts":"2026-02-16T12:00:00Z","site_id":"SITE-1","metrics":{"temperature":72.10,"humidity":45,"pressure":1013.25}}"#;

/// Events that are kept of a tenant, by default.
const KEPT: usize = 10_000;

/// A bench that fails above so many instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]).hard_limits([(EventKind::Ir, instructions)]))
        .clone()
}

main!(library_benchmark_groups = [events, routes, shards, rings, histories, tokens]);
