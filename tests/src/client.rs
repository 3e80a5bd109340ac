//! The client libraries of `clients`, each driven over the console of a small program: `tests/clients/stream_console.*`.
//!
//! Invariant: what a client tells is read in order, and nothing of it is passed over but its own states.

use std::io::Write;
use std::ops::Range;
use std::process::{ChildStdin, Command};

use serde_json::{Value, json};

use crate::process::{Process, script};
use crate::wait::wait_until;

/// A client library, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Python,
    JavaScript,
    JavaScriptSse,
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Python, Self::JavaScript, Self::JavaScriptSse];

    /// A WebSocket's close code, or the status that stands for it where there is none.
    pub fn code(self, close_code: u16, status: u16) -> u16 {
        if self == Self::JavaScriptSse { status } else { close_code }
    }

    fn command(self) -> Command {
        if self == Self::Python {
            return script("stream_console.py");
        }
        let mut command = Command::new("node");
        // Node 20 has a WebSocket, but only where it is asked for.
        command.args(["--no-warnings", "--experimental-websocket"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/stream_console.mjs"));
        command
    }
}

/// A running client with one stream.
#[derive(Debug)]
pub struct Client {
    library: Library,
    process: Process,
    input: ChildStdin,
    folder: tempfile::TempDir,
    /// Lines that were read.
    read: usize,
}

impl Client {
    /// Opens a stream of the gateway on this port, with these options of `connect`. Its callback gives `token`.
    pub fn start(library: Library, port: u16, token: &str, mut options: Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if library == Library::JavaScriptSse {
            options["transport"] = json!("sse");
        }
        let file = folder.path().join("token");
        let wanted = json!({"url": format!("http://127.0.0.1:{port}"), "options": options, "token_file": file});
        let mut command = library.command();
        // No proxy of the environment stands between a test and loopback.
        command.arg(wanted.to_string()).env("NO_PROXY", "127.0.0.1");
        std::fs::write(file, token).expect("the token is written");
        let (process, input) = Process::start_with_input("stream_console", command);
        Self { library, process, input, folder, read: 0 }
    }

    /// What it is.
    pub fn library(&self) -> Library {
        self.library
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its callback gives this token from now on.
    pub fn gets_token(&self, token: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, token).expect("the token is written");
        std::fs::rename(new, self.folder.path().join("token")).expect("the token is replaced, whole");
    }

    /// Has it do something: `{"do":"subscribe","devices":["A"]}`.
    pub fn does(&mut self, command: Value) {
        writeln!(self.input, "{command}").expect("it listens");
    }

    /// What it told next, its states included.
    pub async fn line(&mut self) -> Value {
        let mut line = None;
        wait_until(&format!("{:?} tells more", self.library), async || {
            line = self.process.line(self.read);
            line.is_some()
        })
        .await;
        self.read += 1;
        let line = line.expect("waited for above");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{:?} told no JSON: {line}", self.library))
    }

    /// The next message of the gateway, or the end.
    pub async fn message(&mut self) -> Value {
        loop {
            let line = self.line().await;
            if line["type"] != "state" && line["type"] != "ping" {
                return line;
            }
        }
    }

    /// The next message, which is to be of that type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let message = self.message().await;
        assert_eq!(message["type"], kind, "{:?}: {message}", self.library);
        message
    }

    /// The next state of that name; whatever comes before is passed over.
    pub async fn is(&mut self, state: &str) -> Value {
        loop {
            let line = self.line().await;
            if line["state"] == state {
                return line;
            }
            assert!(line["type"] != "failed", "{:?}: {line}", self.library);
        }
    }

    /// Reads exactly these numbers next. Between them it may connect again; a gap may not be.
    pub async fn expect_numbers(&mut self, numbers: Range<u64>) {
        for n in numbers {
            let mut message = self.message().await;
            while message["type"] == "connected" {
                message = self.message().await;
            }
            assert_eq!(message["metrics"]["n"], n, "{:?}: {message}", self.library);
        }
    }

    /// Changes its filters, and waits until the gateway holds `filters`: a WebSocket is answered, SSE connects again.
    pub async fn changes(&mut self, command: Value, answer: &str, filters: Value) {
        self.does(command);
        if self.library != Library::JavaScriptSse {
            self.expect(answer).await;
            return;
        }
        let connected = self.expect("connected").await;
        for (name, list) in filters.as_object().expect("filters by name") {
            assert_eq!(connected["filters"][name], *list, "{connected}");
        }
    }

    /// Closes the stream, and waits for an orderly end of the program.
    pub async fn closes(mut self) {
        self.does(json!({"do": "close"}));
        self.expect("end").await;
        assert_eq!(self.process.ended().await.code(), Some(0), "{:?}", self.library);
    }
}
