//! A child process whose log is kept in memory.
//!
//! Invariant: a child never outlives its value: it is killed and reaped by its own id on drop.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::wait::{DEADLINE, LOOK, wait_until};

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// What it wrote to standard output.
    ///
    /// # Panics
    /// If it has failed.
    pub fn succeeded(self) -> String {
        let Self { code, stdout, stderr } = self;
        assert_eq!(code, Some(0), "{stdout}{stderr}\nif something is not found, scripts/test installs it");
        stdout
    }
}

impl Process {
    /// Starts `command` with both outputs kept line by line.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(name: &'static str, command: Command) -> Self {
        Self::start_with(name, command, Stdio::piped())
    }

    /// The same with another place for its standard error, which is then not kept.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start_with(name: &'static str, mut command: Command, stderr: Stdio) -> Self {
        command.stdin(Stdio::null()).stderr(stderr);
        Self::spawn(name, command)
    }

    /// The same with a standard input, that is returned, too.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start_with_input(name: &'static str, mut command: Command) -> (Self, ChildStdin) {
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Self::spawn(name, command);
        let input = process.child.stdin.take().expect("stdin is piped");
        (process, input)
    }

    fn spawn(name: &'static str, mut command: Command) -> Self {
        raise_open_files();
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut readers = vec![keep(stdout, &log)];
        readers.extend(child.stderr.take().map(|stderr| keep(stderr, &log)));
        Self { name, child, log, readers }
    }

    /// What it logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("no reader panics").clone()
    }

    /// One line of the log, if there are so many.
    pub fn line(&self, number: usize) -> Option<String> {
        self.log.lock().expect("no reader panics").get(number).cloned()
    }

    /// Whether a line of the log satisfies `wanted`.
    pub fn logged(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.log.lock().expect("no reader panics").iter().any(|line| wanted(line))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // The only error is that it is gone already, which is what was asked for.
        let _ = kill_process(pid, signal);
    }

    /// Stops it in its tracks (SIGSTOP) until [`Process::resume`]: it reads nothing meanwhile.
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).expect("our own child");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("our own child");
    }

    /// Waits, without looking at anything else, until it has ended by itself, or a deadline is over.
    pub fn wait_for_end(&mut self) {
        let end = Instant::now() + DEADLINE;
        while self.runs() && Instant::now() < end {
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(&format!("{} has ended", self.name), async || {
            status = self.child.try_wait().expect("our own child");
            status.is_some()
        })
        .await;
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        status.expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has been reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            eprintln!("--- what {} (process {}) logged:", self.name, self.child.id());
            for line in self.log() {
                eprintln!("{line}");
            }
        }
    }
}

/// A program of `tests/clients`, run by the Python that `scripts/test` makes, or `FLOODWAY_TEST_PYTHON`.
pub fn script(name: &str) -> Command {
    let python = std::env::var("FLOODWAY_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(format!("{}/clients/{name}", env!("CARGO_MANIFEST_DIR")));
    command
}

/// Runs `command` to its end.
///
/// # Panics
/// If it can't be started, or has not ended within the deadline.
pub async fn run(name: &'static str, mut command: Command) -> Finished {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let output = crate::within(name, command.output()).await;
    let output = output.unwrap_or_else(|error| panic!("{name} does not run: {error}"));
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn keep(output: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            log.lock().expect("no reader panics").push(text);
            line.clear();
        }
    })
}

/// Lifts the soft limit of open files to the hard one, for this process and the children to come: the scale tests hold
/// thousands of sockets on either side.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Lifting to the hard limit is always allowed; if not, the scale tests will say so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}
