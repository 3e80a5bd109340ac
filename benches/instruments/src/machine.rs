//! What the operating system tells and does for one process or thread.

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;
use std::{fs, io};

/// Clock ticks of `/proc/PID/stat` in a second: the kernel's interface has 100 on every Linux that Rust runs on.
const TICKS_PER_S: u64 = 100;

/// Runs the calling thread, and those that it will start, on this core alone.
///
/// # Errors
/// If the machine has no such core, or this process may not use it.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such core"));
    }
    set.set(core);
    sched_setaffinity(None, &set).map_err(io::Error::from)
}

/// `CLOCK_MONOTONIC` in microseconds: the same for all processes of a machine.
#[must_use]
pub fn now_us() -> u64 {
    micros(clock_gettime(ClockId::Monotonic))
}

/// CPU time of the calling process, all its threads together.
#[must_use]
pub fn own_cpu() -> Duration {
    Duration::from_micros(micros(clock_gettime(ClockId::ProcessCPUTime)))
}

fn micros(time: Timespec) -> u64 {
    // Neither clock is ever negative.
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}

/// What processes have spent of the CPU since they started, or between two such readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In user and kernel mode together.
    pub total: Duration,
    /// In user mode, in ticks of 10 ms: only good for a proportion.
    user_ticks: u64,
    /// In kernel mode, in ticks of 10 ms.
    system_ticks: u64,
}

impl Cpu {
    /// What was spent since an earlier reading of the same processes.
    #[must_use]
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            total: self.total.saturating_sub(earlier.total),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }

    /// The part in user mode: the exact total, divided as the ticks are. Zero if less than a tick was seen.
    #[must_use]
    pub fn user(self) -> Duration {
        match self.user_ticks + self.system_ticks {
            0 => Duration::ZERO,
            ticks => self.total.mul_f64(self.user_ticks as f64 / ticks as f64),
        }
    }

    /// The part in kernel mode.
    #[must_use]
    pub fn system(self) -> Duration {
        self.total - self.user()
    }

    fn of(pid: u32) -> Cpu {
        let (user_ticks, system_ticks) = ticks(pid).unwrap_or_default();
        let counted = Duration::from_millis((user_ticks + system_ticks) * 1_000 / TICKS_PER_S);
        Cpu {
            // The threads' own sums are exact to the nanosecond; the process' ticks also hold threads that ended.
            total: Duration::from_nanos(threads_ns(pid)).max(counted),
            user_ticks,
            system_ticks,
        }
    }
}

/// The processes that a measurement watches. One that is gone counts as nothing from then on.
#[derive(Clone, Debug, Default)]
pub struct Processes(Vec<u32>);

impl Processes {
    /// These processes, without their children.
    ///
    /// # Errors
    /// If one of them is not there, or may not be looked at.
    pub fn new(pids: &[u32]) -> io::Result<Self> {
        for pid in pids {
            fs::read_to_string(format!("/proc/{pid}/stat"))
                .map_err(|error| io::Error::new(error.kind(), format!("process {pid}: {error}")))?;
        }
        Ok(Processes(pids.to_vec()))
    }

    /// Whether there is nothing to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// CPU time so far, summed.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        let each = self.0.iter().map(|&pid| Cpu::of(pid));
        each.fold(Cpu::default(), |sum, cpu| Cpu {
            total: sum.total + cpu.total,
            user_ticks: sum.user_ticks + cpu.user_ticks,
            system_ticks: sum.system_ticks + cpu.system_ticks,
        })
    }

    /// Resident memory in KiB, summed.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        self.0.iter().filter_map(|&pid| rss_kib(pid)).sum()
    }

    /// Open descriptors, summed.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let folders = self.0.iter().map(|pid| format!("/proc/{pid}/fd"));
        folders
            .filter_map(|folder| Some(fs::read_dir(folder).ok()?.count()))
            .sum()
    }
}

/// Nanoseconds on the CPU of the threads that there are: the first field of each one's `schedstat`.
fn threads_ns(pid: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    times.sum()
}

/// User and system ticks of a whole process.
fn ticks(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, brackets and spaces too; what follows its last bracket is numbers. `utime` is
    // field 14 of proc_pid_stat(5), the state after the name field 3.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_to_work() {
        let me = Processes::new(&[std::process::id()]).unwrap();
        let (before, own) = (me.cpu(), own_cpu());
        while own_cpu() - own < Duration::from_millis(60) {
            std::hint::black_box(now_us());
        }
        let spent = me.cpu().since(before);
        assert!(spent.total >= Duration::from_millis(40), "{spent:?}");
        assert_eq!(spent.user() + spent.system(), spent.total);
        assert!(me.rss_kib() > 100);
        assert!(me.descriptors() >= 3);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        // Process ids end at 4,194,304 (proc_sys_kernel(5)).
        let error = Processes::new(&[5_000_000]).unwrap_err();
        assert!(error.to_string().contains("5000000"), "{error}");
    }

    #[test]
    fn a_core_that_is_not_there_is_an_error() {
        assert!(pin(usize::MAX).is_err());
        assert!(pin(1_000).is_err());
    }
}
