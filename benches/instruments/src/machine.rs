//! What the operating system tells and does for one process or thread.

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;
use std::{fs, io};

/// Clock ticks of `/proc/PID/stat` in a second: the kernel's interface has 100 on every Linux that Rust runs on.
const TICKS_PER_S: u64 = 100;

/// By how much user and kernel ticks together may be behind, or ahead of, the exact time.
const ROUNDING: Duration = Duration::from_millis(2 * 1_000 / TICKS_PER_S);

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

/// Lets this process hold as many open files as it may allow itself; gives how many that is.
///
/// # Errors
/// If the operating system has other ideas.
pub fn allow_open_files() -> io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
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
}

/// One process, and what was seen of it.
#[derive(Clone, Debug)]
struct Process {
    pid: u32,
    /// Nanoseconds on the CPU of each thread when it was last there, by thread id.
    threads: HashMap<OsString, u64>,
    /// The time of threads that ended before anyone looked, as far as only the process' ticks tell of it.
    unseen: Duration,
    user_ticks: u64,
    system_ticks: u64,
}

impl Process {
    fn new(pid: u32) -> io::Result<Self> {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_err(|error| io::Error::new(error.kind(), format!("process {pid}: {error}")))?;
        let mut process = Process {
            pid,
            threads: HashMap::new(),
            unseen: Duration::ZERO,
            user_ticks: 0,
            system_ticks: 0,
        };
        process.look();
        process.unseen = process.counted().saturating_sub(process.seen());
        Ok(process)
    }

    /// Reads what there is to read. A process that is gone stays as it was.
    fn look(&mut self) {
        for (thread, time_ns) in threads(self.pid) {
            let known = self.threads.entry(thread).or_default();
            *known = time_ns.max(*known);
        }
        if let Some((user, system)) = ticks(self.pid) {
            (self.user_ticks, self.system_ticks) = (user, system);
        }
    }

    fn seen(&self) -> Duration {
        Duration::from_nanos(self.threads.values().sum())
    }

    fn counted(&self) -> Duration {
        Duration::from_millis((self.user_ticks + self.system_ticks) * 1_000 / TICKS_PER_S)
    }

    /// The threads' own times are exact, but those of a thread that ends between two looks are gone. The ticks keep
    /// them, rounded: where they say more than rounding explains, they are believed.
    fn cpu(&mut self) -> Cpu {
        self.look();
        let (exact, counted) = (self.seen() + self.unseen, self.counted());
        if counted > exact + ROUNDING {
            self.unseen += counted - exact;
        }
        Cpu {
            total: self.seen() + self.unseen,
            user_ticks: self.user_ticks,
            system_ticks: self.system_ticks,
        }
    }
}

/// The processes that a measurement watches. One that is gone spends nothing from then on.
#[derive(Clone, Debug, Default)]
pub struct Processes(Vec<Process>);

impl Processes {
    /// These processes, without their children.
    ///
    /// # Errors
    /// If one of them is not there, or may not be looked at.
    pub fn new(pids: &[u32]) -> io::Result<Self> {
        let each = pids.iter().map(|&pid| Process::new(pid));
        each.collect::<io::Result<_>>().map(Processes)
    }

    /// Whether there is nothing to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// CPU time so far, summed.
    pub fn cpu(&mut self) -> Cpu {
        let each = self.0.iter_mut().map(Process::cpu);
        each.fold(Cpu::default(), |sum, cpu| Cpu {
            total: sum.total + cpu.total,
            user_ticks: sum.user_ticks + cpu.user_ticks,
            system_ticks: sum.system_ticks + cpu.system_ticks,
        })
    }

    /// Resident memory in KiB, summed.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        let each = self.0.iter().filter_map(|process| rss_kib(process.pid));
        each.sum()
    }

    /// Open descriptors, summed.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let folders = self.0.iter().map(|process| format!("/proc/{}/fd", process.pid));
        folders.filter_map(|folder| Some(fs::read_dir(folder).ok()?.count())).sum()
    }
}

/// The threads that there are, each with its nanoseconds on the CPU: the first field of its `schedstat`.
fn threads(pid: u32) -> impl Iterator<Item = (OsString, u64)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    threads.filter_map(|thread| {
        let thread = thread.ok()?;
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name(), text.split(' ').next()?.parse().ok()?))
    })
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
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
