//! A `nats-server` of one test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use async_nats::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Config, within};

/// One server with JetStream and a listener for MQTT.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) mqtt: u16,
    dir: TempDir,
    process: Child,
    client: Option<Client>,
}

impl Server {
    /// Starts one that lets anybody in, with further lines of configuration.
    pub(super) async fn start(extra: &str) -> Self {
        let mut server = Self::start_closed(extra).await;
        server.connect().await;
        server
    }

    /// Starts one that may let nobody in: [`Server::publish`] and [`Server::ask`] are not for it.
    pub(super) async fn start_closed(extra: &str) -> Self {
        let [port, mqtt] = [(); 2].map(|()| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        });
        let dir = tempfile::tempdir().expect("a folder");
        let jetstream = if extra.contains("jetstream") {
            String::new()
        } else {
            let store = dir.path().join("store");
            format!(
                "jetstream {{ store_dir: \"{}\", max_file_store: 64GB }}\nmqtt {{ listen: 127.0.0.1:{mqtt} }}",
                store.display()
            )
        };
        let text = format!("server_name: test\nlisten: 127.0.0.1:{port}\n{jetstream}\n{extra}\n");
        std::fs::write(dir.path().join("nats.conf"), text).expect("it is written");
        let process = spawn(&dir);
        let server = Self { port, mqtt, dir, process, client: None };
        server.listens().await;
        server
    }

    /// Kills it and starts it again on its files.
    pub(super) async fn restart(&mut self) {
        self.kill();
        self.process = spawn(&self.dir);
        self.listens().await;
        self.connect().await;
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }

    /// Settings that lead to it.
    pub(super) fn config(&self) -> Config {
        Config { urls: vec![self.url()], ..Config::default() }
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Publishes a message, and waits until a stream has it or the server has seen that none takes it.
    pub(super) async fn publish(&self, subject: &str, payload: &str) {
        let answer = self.client().request(subject.to_owned(), payload.to_owned().into());
        // Without a stream nobody responds.
        drop(within("an acknowledgement", answer).await);
    }

    /// Publishes `{"n":n}` as this tenant's device for each number.
    pub(super) async fn count(&self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.publish(&format!("tenant.{tenant}.device.{device}.telemetry"), &format!(r#"{{"n":{n}}}"#))
                .await;
        }
    }

    /// Asks JetStream.
    pub(super) async fn ask(&self, call: &str, body: Value) -> Value {
        let body = body.to_string().into_bytes();
        let answer = within("an answer", self.client().request(format!("$JS.API.{call}"), body.into())).await;
        let answer: Value = serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON");
        assert!(answer.get("error").is_none(), "{call}: {answer}");
        answer
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("it lets anybody in")
    }

    async fn connect(&mut self) {
        let client = within("a connection", async_nats::connect(self.url())).await.expect("a connection");
        self.client = Some(client);
        within("JetStream", async {
            let info = || self.client().request("$JS.API.INFO", json!({}).to_string().into());
            while info().await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn listens(&self) {
        within("nats-server listens", async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it was reaped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(dir: &TempDir) -> Child {
    let python = std::env::var_os("FLOODWAY_TEST_PYTHON").map(PathBuf::from);
    let beside = python.and_then(|python| Some(python.parent()?.join("nats-server")));
    let program = beside.filter(|path| path.exists()).unwrap_or_else(|| "nats-server".into());
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(dir.path().join("nats.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("nats-server: {error}; scripts/test installs it"))
}
