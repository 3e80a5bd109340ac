//! What a run found: one line of JSON, or a summary for people.

mod human;

use crate::args::Args;
use crate::plan::Phase;
use crate::tally::Counts;
use floodway_instruments::machine::Cpu;
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};
use std::fmt;
use std::io;
use std::time::Duration;

/// A figure with three digits after the point: more than is known of any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figure(pub(crate) f64);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0 * 1e3).round() / 1e3)
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    label: String,
    transport: String,
    dialect: String,
    streams: usize,
    /// How the streams came to be.
    pub(crate) connect: Connect,
    /// The server's memory.
    pub(crate) rss_kib: Rss,
    /// In their order.
    pub(crate) phases: Vec<PhaseReport>,
    /// Streams that the server ended, or that broke, before they were to.
    pub(crate) closed_early: usize,
    /// What ended the run, or the first stream, before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Handshakes; CPU is the server's, microseconds a handshake.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Connect {
    /// Streams that became ready.
    pub(crate) connected: usize,
    /// Those that did not.
    pub(crate) refused: usize,
    /// From the first connect to the last that was ready.
    pub(crate) seconds: Figure,
    /// CPU per handshake.
    pub(crate) cpu_us: Figure,
    /// Of it in user mode.
    pub(crate) user_us: Figure,
    /// Of it in kernel mode.
    pub(crate) system_us: Figure,
    /// From `connect` until ready: median.
    pub(crate) p50_us: u64,
    /// 99 of 100.
    pub(crate) p99_us: u64,
    /// The longest.
    pub(crate) max_us: u64,
    /// CPU per handshake of the first 100.
    pub(crate) first100_cpu_us: Figure,
    /// CPU per handshake of the last 100.
    pub(crate) last100_cpu_us: Figure,
    /// Median of the first 100.
    pub(crate) first100_p50_us: u64,
    /// Median of the last 100.
    pub(crate) last100_p50_us: u64,
}

/// Resident memory of the server's processes, KiB.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Rss {
    /// Before the first connection.
    pub(crate) before: u64,
    /// With all streams at rest.
    pub(crate) connected: u64,
    /// After the last phase, all streams still there.
    pub(crate) after_phases: u64,
    /// After all streams left.
    pub(crate) after_leaving: u64,
}

/// One phase.
#[derive(Debug, Serialize)]
pub(crate) struct PhaseReport {
    kind: &'static str,
    rate: Figure,
    seconds: Figure,
    published: u64,
    expected: u64,
    received: u64,
    lost: u64,
    doubled: u64,
    disordered: u64,
    unwanted: u64,
    gaps: u64,
    gap_dropped: u64,
    deliveries_per_s: Figure,
    cpu_s: Figure,
    user_s: Figure,
    system_s: Figure,
    cpu_us_per_delivery: Figure,
    deliveries_per_cpu_s: Figure,
    cpu_us_per_event: Figure,
    bytes: u64,
    latency_us: Spread,
    completion_us: Spread,
    client_cpu_s: Figure,
}

/// How times are spread, microseconds; zeros if there were none.
#[derive(Debug, Serialize)]
pub(crate) struct Spread {
    mean: Figure,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Spread {
    fn of(times: &Histogram<u64>) -> Self {
        Spread {
            mean: Figure(times.mean()),
            p50: times.value_at_quantile(0.5),
            p90: times.value_at_quantile(0.9),
            p99: times.value_at_quantile(0.99),
            p999: times.value_at_quantile(0.999),
            max: times.max(),
        }
    }
}

/// What was measured of a phase.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What it was.
    pub(crate) phase: Phase,
    /// Events that were published.
    pub(crate) published: u64,
    /// Deliveries that were due.
    pub(crate) expected: u64,
    /// From its beginning to the last arrival.
    pub(crate) time: Duration,
    /// The server's.
    pub(crate) cpu: Cpu,
    /// The load generator's.
    pub(crate) client_cpu: Duration,
}

impl PhaseReport {
    /// The phase's figures.
    pub(crate) fn new(measured: &Measured, counts: &Counts) -> Self {
        let cpu_s = measured.cpu.total.as_secs_f64();
        let received = counts.received as f64;
        PhaseReport {
            kind: measured.phase.kind(),
            rate: Figure(measured.phase.rate()),
            seconds: Figure(measured.time.as_secs_f64()),
            published: measured.published,
            expected: measured.expected,
            received: counts.received,
            lost: measured.expected.saturating_sub(counts.received),
            doubled: counts.doubled,
            disordered: counts.disordered,
            unwanted: counts.unwanted,
            gaps: counts.gaps,
            gap_dropped: counts.gap_dropped,
            deliveries_per_s: ratio(received, measured.time.as_secs_f64()),
            cpu_s: Figure(cpu_s),
            user_s: Figure(measured.cpu.user().as_secs_f64()),
            system_s: Figure(measured.cpu.system().as_secs_f64()),
            cpu_us_per_delivery: ratio(cpu_s * 1e6, received),
            deliveries_per_cpu_s: ratio(received, cpu_s),
            cpu_us_per_event: ratio(cpu_s * 1e6, measured.published as f64),
            bytes: counts.bytes,
            latency_us: Spread::of(&counts.latency),
            completion_us: Spread::of(&counts.completion),
            client_cpu_s: Figure(measured.client_cpu.as_secs_f64()),
        }
    }

    fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.disordered + self.unwanted == 0
    }
}

/// Zero where there is nothing to divide by.
fn ratio(dividend: f64, divisor: f64) -> Figure {
    Figure(if divisor > 0.0 { dividend / divisor } else { 0.0 })
}

impl Report {
    /// Nothing was found yet.
    pub(crate) fn new(args: &Args) -> Self {
        let name = |value: &dyn fmt::Debug| format!("{value:?}").to_lowercase();
        Report {
            label: args.label.clone(),
            transport: name(&args.transport),
            dialect: name(&args.dialect),
            streams: args.streams,
            connect: Connect::default(),
            rss_kib: Rss::default(),
            phases: Vec::new(),
            closed_early: 0,
            error: None,
        }
    }

    /// The run could not begin.
    pub(crate) fn failed(args: &Args, error: &io::Error) -> Self {
        let error = Some(error.to_string());
        Report { error, ..Report::new(args) }
    }

    /// Whether everything that was to arrive did, once and in order, on streams that lasted.
    pub(crate) fn is_clean(&self) -> bool {
        let phases = self.phases.iter().all(PhaseReport::is_clean);
        phases && self.error.is_none() && self.connect.refused == 0 && self.closed_early == 0
    }
}
