//! The floodway binary, started as an operator would: by its environment.
//!
//! Invariant: a child sees no setting that the test did not give, and listens on ports that the kernel chose.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, Stdio};

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::broker::free_port;
use crate::process::{Finished, Process, run, script};
use crate::token::{SECRET, token};
use crate::wait::{wait_until, within};
use crate::{Broker, SSE_PATH, STATUS_PATH, Sse, WS_PATH, Ws};

/// A running `floodway serve`.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    address: SocketAddr,
    http: reqwest::Client,
}

/// A gateway that is about to start: await it.
#[derive(Debug)]
pub struct Launch {
    settings: BTreeMap<String, String>,
    awaits_broker: bool,
    stderr: Option<Stdio>,
}

impl Gateway {
    /// A gateway of that broker. Awaiting it gives one that is ready for streams.
    pub fn start(broker: &Broker) -> Launch {
        Self::start_at(&broker.url())
    }

    /// A gateway with that value of `MQTT_URL`.
    pub fn start_at(urls: &str) -> Launch {
        let launch = Launch { settings: BTreeMap::new(), awaits_broker: true, stderr: None };
        launch
            .env("FLOODWAY_LISTEN", "127.0.0.1:0")
            .env("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0")
            .env("FLOODWAY_JWT_SECRET", SECRET)
            .env("FLOODWAY_LOG_FORMAT", "json")
            .env("MQTT_URL", urls)
    }

    /// The public listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The HTTP address of a path.
    pub fn url(&self, path_and_query: &str) -> String {
        format!("http://{}{path_and_query}", self.address)
    }

    /// The client for plain requests.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// GETs a path: the status, and the body as JSON (null if it is none).
    pub async fn get(&self, path_and_query: &str) -> (StatusCode, Value) {
        let response = within("an answer", self.http.get(self.url(path_and_query)).send())
            .await
            .expect("an answer");
        let status = response.status();
        let body = within("a body", response.bytes()).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Live streams, as the status page tells.
    pub async fn connections(&self) -> u64 {
        let (status, body) = self.get(STATUS_PATH).await;
        assert_eq!(status, StatusCode::OK);
        body["total_connections"].as_u64().unwrap_or_else(|| panic!("not a status: {body}"))
    }

    /// Waits until the status page tells `count` live streams.
    pub async fn has_connections(&self, count: u64) {
        wait_until(&format!("there are {count} live streams"), async || self.connections().await == count).await;
    }

    /// Waits until new streams are taken.
    pub async fn is_ready(&self) {
        wait_until("the gateway is ready", async || self.get("/readyz").await.0 == StatusCode::OK).await;
    }

    /// Opens a WebSocket stream and reads `connected`.
    pub async fn ws(&self, tenant: &str, query: &str) -> Ws {
        self.ws_with(&token(tenant).sign(), query).await
    }

    /// Opens a WebSocket stream with that token and reads `connected`.
    pub async fn ws_with(&self, token: &str, query: &str) -> Ws {
        let mut ws = self.ws_unread(Some(token), query).await;
        ws.read_connected().await;
        ws
    }

    /// Opens a WebSocket, with or without a token, and reads nothing.
    pub async fn ws_unread(&self, token: Option<&str>, query: &str) -> Ws {
        let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
        let opened = Ws::open(self.address, &format!("{WS_PATH}?{query}"), bearer.as_slice()).await;
        opened.unwrap_or_else(|response| panic!("refused before the upgrade: {response:?}"))
    }

    /// Opens a WebSocket that is to be refused: the close code and the reason.
    pub async fn ws_refused(&self, token: Option<&str>, query: &str) -> (u16, String) {
        let mut ws = self.ws_unread(token, query).await;
        let first = ws.message().await;
        first.expect_err("a refused stream gets no message")
    }

    /// A WebSocket stream over a socket with the smallest buffers: a reader that stalls is noticed soon.
    pub async fn ws_narrow(&self, tenant: &str, query: &str) -> Ws {
        let token = token(tenant).sign();
        let mut ws = Ws::open_narrow(self.address, &format!("{WS_PATH}?{query}"), &token).await;
        ws.read_connected().await;
        ws
    }

    /// Opens an SSE stream and reads `connected`.
    pub async fn sse(&self, tenant: &str, query: &str) -> Sse {
        self.sse_with(&token(tenant).sign(), query).await
    }

    /// Opens an SSE stream with that token and reads `connected`.
    pub async fn sse_with(&self, token: &str, query: &str) -> Sse {
        let response = self.sse_response(Some(token), query, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut sse = Sse::of(response);
        sse.read_connected().await;
        sse
    }

    /// An SSE stream over a socket with the smallest buffers, `connected` read.
    pub async fn sse_narrow(&self, tenant: &str, query: &str) -> Sse {
        let mut sse = Sse::open_narrow(self.address, &format!("{SSE_PATH}?{query}"), &token(tenant).sign()).await;
        sse.read_connected().await;
        sse
    }

    /// Asks for an SSE stream.
    pub async fn sse_response(&self, token: Option<&str>, query: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.http.get(self.url(&format!("{SSE_PATH}?{query}")));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        within("an answer", request.send()).await.expect("an answer")
    }

    /// Asks for an SSE stream that is to be refused: status and body.
    pub async fn sse_refused(&self, token: Option<&str>, query: &str) -> (u16, Value) {
        let response = self.sse_response(token, query, &[]).await;
        let status = response.status().as_u16();
        let body = within("a body", response.json()).await.expect("errors are JSON");
        (status, body)
    }

    /// Stops its thread of this name, and no other, until the value is dropped.
    pub async fn pause_thread(&self, name: &str) -> Process {
        let mut command = script("pause_thread.py");
        command.args([&self.process.id().to_string(), name]);
        let mut pause = Process::start("pause_thread.py", command);
        wait_until(&format!("{name} stands still"), async || {
            assert!(pause.runs(), "{name} is not stopped: {:?}", pause.log());
            pause.logged(|line| line == "paused")
        })
        .await;
        pause
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until the process has ended: its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        self.process.ended().await.code()
    }

    /// Whether the process is still there.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// What was logged so far.
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Waits until a line of the log holds `words`.
    pub async fn is_logged(&self, words: &str) {
        wait_until(&format!("the log says: {words}"), async || self.process.logged(|line| line.contains(words))).await;
    }

    /// The private listener, as host and port.
    pub fn admin(&self) -> String {
        let log = self.log();
        let address = log.iter().find_map(|line| listening(line, "admin listening"));
        address.expect("the log names the private listener").to_string()
    }

    /// The page `/metrics` of the private listener.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.admin());
        let page = within("metrics", self.http.get(url).send()).await;
        page.expect("an answer").text().await.expect("a page")
    }
}

impl Launch {
    /// With this environment variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.insert(name.to_owned(), value.to_string());
        self
    }

    /// Without that variable.
    pub fn without(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// Does not wait for a broker: the gateway is there as soon as it listens.
    pub fn unready(mut self) -> Self {
        self.awaits_broker = false;
        self
    }

    /// Logs to `stderr`, where the test does not look: the public listener's address has to be chosen, too.
    pub fn logs_to(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        let port = free_port();
        self.env("FLOODWAY_LISTEN", format!("127.0.0.1:{port}"))
    }

    async fn launch(self) -> Gateway {
        let mut command = floodway(&["serve"]);
        command.envs(&self.settings);
        let chosen = self.stderr.is_some().then(|| {
            let listen = &self.settings["FLOODWAY_LISTEN"];
            listen.parse::<SocketAddr>().expect("an address")
        });
        let stderr = self.stderr.unwrap_or_else(Stdio::piped);
        let mut process = Process::start_with("floodway", command, stderr);
        let mut address = None;
        wait_until("the gateway listens", async || {
            assert!(process.runs(), "floodway ended before it listened: {:#?}", process.log());
            address = match chosen {
                Some(chosen) => TcpStream::connect(chosen).await.is_ok().then_some(chosen),
                None => process.log().iter().find_map(|line| listening(line, "listening")),
            };
            address.is_some()
        })
        .await;
        // No proxy of the environment stands between a test and loopback, and one connection never waits for another.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        let gateway = Gateway { process, address: address.expect("found above"), http };
        if self.awaits_broker {
            gateway.is_ready().await;
        }
        gateway
    }
}

impl IntoFuture for Launch {
    type Output = Gateway;
    type IntoFuture = Pin<Box<dyn Future<Output = Gateway>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.launch())
    }
}

/// The address of a listener, if `line` is the JSON log line that says so with `message`.
fn listening(line: &str, message: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    if fields["message"] != message {
        return None;
    }
    fields["address"].as_str()?.parse().ok()
}

/// The binary with these arguments and an environment in which nothing is set.
pub fn floodway(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear();
    command
}

/// Runs the binary to its end with these settings.
pub async fn floodway_run(arguments: &[&str], settings: &[(&str, &str)]) -> Finished {
    let mut command = floodway(arguments);
    command.envs(settings.iter().copied());
    run("floodway", command).await
}

/// Where the binary is: `FLOODWAY_BIN`, or `floodway` in the folder of the profile that this test was built in.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("FLOODWAY_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps/it");
    let path = profile.join("floodway");
    assert!(path.exists(), "{} is missing: run scripts/test, or cargo build -p floodway", path.display());
    path
}
