//! The report as a summary for people.

use super::{PhaseReport, Report};
use std::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connect, rss) = (&self.connect, &self.rss_kib);
        writeln!(
            f,
            "{} {}/{}: {} of {} streams",
            self.label, self.dialect, self.transport, connect.connected, self.streams
        )?;
        writeln!(
            f,
            "connect   {:.2} s, {:.1} µs CPU each ({:.1} first 100, {:.1} last); ready after p50 {} p99 {} max {} µs",
            connect.seconds.0,
            connect.cpu_us.0,
            connect.first100_cpu_us.0,
            connect.last100_cpu_us.0,
            connect.p50_us,
            connect.p99_us,
            connect.max_us,
        )?;
        writeln!(
            f,
            "memory    {} KiB before, {} connected, {} after the phases, {} after leaving",
            rss.before, rss.connected, rss.after_phases, rss.after_leaving,
        )?;
        self.phases.iter().try_for_each(|phase| write!(f, "{phase}"))?;
        writeln!(f, "closed early: {}", self.closed_early)?;
        self.error.iter().try_for_each(|error| writeln!(f, "error: {error}"))
    }
}

impl fmt::Display for PhaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<9} {} events in {:.2} s: {} of {} deliveries, {:.0}/s; lost {}, doubled {}, disordered {}, unwanted {}, gaps {} ({} events)",
            self.kind,
            self.published,
            self.seconds.0,
            self.received,
            self.expected,
            self.deliveries_per_s.0,
            self.lost,
            self.doubled,
            self.disordered,
            self.unwanted,
            self.gaps,
            self.gap_dropped,
        )?;
        writeln!(
            f,
            "          server {:.3} s CPU ({:.3} user, {:.3} system): {:.3} µs a delivery, {:.1} µs an event; client {:.3} s",
            self.cpu_s.0,
            self.user_s.0,
            self.system_s.0,
            self.cpu_us_per_delivery.0,
            self.cpu_us_per_event.0,
            self.client_cpu_s.0,
        )?;
        let (each, last) = (&self.latency_us, &self.completion_us);
        writeln!(
            f,
            "          latency µs: mean {:.0} p50 {} p90 {} p99 {} p99.9 {} max {}; everyone: p50 {} p99 {} max {}",
            each.mean.0, each.p50, each.p90, each.p99, each.p999, each.max, last.p50, last.p99, last.max,
        )
    }
}
