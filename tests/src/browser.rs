//! A page in a real browser: Debian's Chromium without a screen, and the little web site that the page is of.
//!
//! Invariant: the browser and all its processes are killed by the id of their group when the value is dropped.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::process::Process;
use crate::wait::{wait_until, wait_until_by, within};

/// How long a script may take, which waits for many conditions.
const SCRIPT: Duration = Duration::from_secs(180);

/// A web site of one page, which posts arrays of JSON back.
#[derive(Debug)]
pub struct Site {
    port: u16,
    posted: mpsc::UnboundedReceiver<Value>,
    acceptor: AbortHandle,
}

impl Site {
    /// Serves this page on a loopback port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(page: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a bound listener").port();
        let (sender, posted) = mpsc::unbounded_channel();
        let acceptor = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, page, sender.clone()));
            }
        });
        Self { port, posted, acceptor: acceptor.abort_handle() }
    }

    /// The origin of its page.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next value that the page has posted.
    pub async fn posted(&mut self) -> Value {
        within("word from the page", self.posted.recv()).await.expect("the site is open")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page.
    ///
    /// # Panics
    /// If Chromium is not installed.
    pub fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("chromium");
        // Tests run as root in a container, where Chromium's own sandbox does not.
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-breakpad"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
        command.env("HOME", profile.path()).process_group(0);
        Self { process: Process::start("chromium", command), _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        // The only error is that it is gone already.
        let _ = kill_process_group(id.expect("the id of a process"), Signal::KILL);
    }
}

/// A running script of `tests/browser`, which has a browser of its own. Node runs it, with the packages that `scripts/test`
/// installs.
#[derive(Debug)]
pub struct Script(Process);

impl Script {
    /// Starts it with these arguments.
    ///
    /// # Panics
    /// If Node is not installed.
    pub fn start(name: &'static str, arguments: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.arg(format!("{}/browser/{name}", env!("CARGO_MANIFEST_DIR"))).args(arguments);
        Self(Process::start(name, command))
    }

    /// Waits until it has printed this line.
    pub async fn says(&self, line: &str) {
        let said = async || self.0.logged(|logged| logged == line);
        wait_until(&format!("the script says: {line}"), said).await;
    }

    /// Waits until it has ended, and all that it looked for was so. It tells itself what it waits for in vain.
    ///
    /// # Panics
    /// If something was not so.
    pub async fn ends_well(mut self) {
        wait_until_by("the script has ended", SCRIPT, async || !self.0.runs()).await;
        let code = self.0.ended().await.code();
        assert_eq!(code, Some(0), "if something is not found, scripts/test installs it");
    }
}

/// Answers one request: a POST gives its body away, everything else gets the page.
async fn serve(mut stream: TcpStream, page: &str, posted: mpsc::UnboundedSender<Value>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let answer = if head.starts_with("post ") {
        let values: Vec<Value> = serde_json::from_slice(&body).expect("an array of JSON");
        // Once the site is closed nobody asks any more.
        values.into_iter().for_each(|value| drop(posted.send(value)));
        ""
    } else {
        page
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
    // Who hangs up does not want the answer.
    let _ = stream.write_all(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).await;
}
