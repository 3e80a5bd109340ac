//! NATS servers with JetStream and an MQTT listener: one alone, or a cluster on loopback.
//!
//! Invariant: a node that was killed and started again has the same ports and the same files. Nobody waits for a cluster by
//! time: it is there once each node says that it is healthy and knows the leader of JetStream.

mod client;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

pub use client::NatsClient;

use crate::broker::free_port;
use crate::process::Process;
use crate::wait::wait_until_by;

/// Until a cluster has elected its leaders, also while other tests keep the machine busy.
const ELECTION: Duration = Duration::from_secs(90);

/// One `nats-server`, alone.
#[derive(Debug)]
pub struct NatsServer(NatsCluster);

/// Some of them that replicate to one another. Nodes are counted from 0.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
    http: reqwest::Client,
    // Last, so that the processes have ended before their files go.
    _folder: tempfile::TempDir,
}

#[derive(Debug)]
struct Node {
    process: Option<Process>,
    file: PathBuf,
    client: u16,
    mqtt: u16,
    monitor: u16,
}

impl NatsServer {
    /// Starts one and waits until it serves.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts one with further lines of configuration.
    pub async fn start_with(extra: &str) -> Self {
        Self(NatsCluster::start_with(1, extra).await)
    }

    /// Its address for NATS clients.
    pub fn url(&self) -> String {
        self.0.url(0)
    }

    /// Its address for MQTT clients.
    pub fn mqtt_url(&self) -> String {
        self.0.mqtt_url(0)
    }

    /// Its port for MQTT clients.
    pub fn mqtt_port(&self) -> u16 {
        self.0.mqtt_port(0)
    }

    /// A NATS client of it.
    pub async fn client(&self) -> NatsClient {
        self.0.client(0).await
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.0.kill(0);
    }

    /// Starts it again, with what it has stored, and waits until it serves.
    pub async fn start_again(&mut self) {
        self.0.start_again(0).await;
    }

    /// Whether it logged a line that holds all of `parts`.
    pub fn logged(&self, parts: &[&str]) -> bool {
        self.0.logged(0, parts)
    }
}

impl NatsCluster {
    /// Starts `count` nodes and waits until they have a leader.
    pub async fn start(count: usize) -> Self {
        Self::start_with(count, "").await
    }

    /// Starts `count` nodes, each with further lines of configuration.
    ///
    /// # Panics
    /// If `nats-server` is not installed, or they do not come up.
    pub async fn start_with(count: usize, extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let routes: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let nodes = (0..count).map(|number| Node::new(folder.path(), number, &routes, extra));
        let nodes = nodes.collect();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut cluster = Self { nodes, http, _folder: folder };
        cluster.nodes.iter_mut().for_each(Node::start);
        for node in 0..count {
            cluster.is_healthy(node).await;
        }
        cluster
    }

    /// A node's address for NATS clients.
    pub fn url(&self, node: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[node].client)
    }

    /// The addresses of all nodes for NATS clients, separated by commas.
    pub fn urls(&self) -> String {
        let urls: Vec<String> = (0..self.nodes.len()).map(|node| self.url(node)).collect();
        urls.join(",")
    }

    /// A node's address for MQTT clients.
    pub fn mqtt_url(&self, node: usize) -> String {
        format!("mqtt://127.0.0.1:{}", self.mqtt_port(node))
    }

    /// A node's port for MQTT clients.
    pub fn mqtt_port(&self, node: usize) -> u16 {
        self.nodes[node].mqtt
    }

    /// A NATS client of a node.
    pub async fn client(&self, node: usize) -> NatsClient {
        NatsClient::connect(self.nodes[node].client).await
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].process = None;
    }

    /// Starts a killed node again, with what it has stored, and waits until it has caught up with the others.
    pub async fn start_again(&mut self, node: usize) {
        self.nodes[node].start();
        self.is_healthy(node).await;
    }

    /// Whether a node logged a line that holds all of `parts`.
    pub fn logged(&self, node: usize, parts: &[&str]) -> bool {
        let process = self.nodes[node].process.as_ref().expect("the node runs");
        process.logged(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// The node that leads a stream, as `node` sees it; none while there is no leader.
    pub async fn leader_of(&self, node: usize, stream: &str) -> Option<usize> {
        let page = self.page(node, "/jsz?streams=true").await?;
        let accounts = page["account_details"].as_array()?;
        let mut streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array()).flatten();
        let leader = &streams.find(|found| found["name"] == stream)?["cluster"]["leader"];
        leader.as_str()?.strip_prefix("node-")?.parse().ok()
    }

    /// Waits until a node serves, and what it has stored is as new as the others'.
    async fn is_healthy(&mut self, node: usize) {
        wait_until_by(&format!("NATS node {node} is healthy"), ELECTION, async || {
            let process = self.nodes[node].process.as_mut().expect("it was started");
            assert!(process.runs(), "nats-server ended: {:?}", process.log());
            self.knows_leader(node).await && self.page(node, "/healthz").await.is_some()
        })
        .await;
    }

    async fn knows_leader(&self, node: usize) -> bool {
        let count = self.nodes.len();
        let Some(page) = self.page(node, "/jsz").await else {
            return false;
        };
        let meta = &page["meta_cluster"];
        let has_leader = meta["leader"].as_str().is_some_and(|name| !name.is_empty());
        count == 1 || has_leader && meta["cluster_size"] == count
    }

    /// A page of a node's monitor; none if the node does not answer, or answers that it is not well.
    async fn page(&self, node: usize, path: &str) -> Option<Value> {
        let url = format!("http://127.0.0.1:{}{path}", self.nodes[node].monitor);
        let answer = self.http.get(url).timeout(Duration::from_secs(5)).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }
}

impl Node {
    fn new(folder: &Path, number: usize, routes: &[u16], extra: &str) -> Self {
        let [client, mqtt, monitor] = [(); 3].map(|()| free_port());
        let store = folder.join(format!("node-{number}"));
        let mut configuration = format!(
            "server_name: node-{number}\nlisten: 127.0.0.1:{client}\nhttp: 127.0.0.1:{monitor}\n\
             mqtt {{ listen: 127.0.0.1:{mqtt} }}\n\
             jetstream {{ store_dir: \"{}\", max_file_store: 64GB, max_memory_store: 256MB }}\n{extra}\n",
            store.display()
        );
        if routes.len() > 1 {
            let listen = routes[number];
            let routes: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            let routes = routes.join(", ");
            configuration += &format!("cluster {{ name: test, listen: 127.0.0.1:{listen}, routes: [{routes}] }}\n");
        }
        let file = folder.join(format!("node-{number}.conf"));
        std::fs::write(&file, configuration).expect("its configuration is written");
        Self { process: None, file, client, mqtt, monitor }
    }

    fn start(&mut self) {
        let mut command = Command::new(program());
        command.arg("-c").arg(&self.file);
        self.process = Some(Process::start("nats-server", command));
    }
}

/// Where `nats-server` is: beside the Python that `scripts/test` makes, or on the path.
fn program() -> PathBuf {
    let python = std::env::var_os("FLOODWAY_TEST_PYTHON").map(PathBuf::from);
    let beside = python.and_then(|python| Some(python.parent()?.join("nats-server")));
    beside.filter(|path| path.exists()).unwrap_or_else(|| "nats-server".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_comes_back_on_its_ports() {
        let mut server = NatsServer::start().await;
        let (url, mqtt) = (server.url(), server.mqtt_url());
        server.kill();
        server.start_again().await;
        assert_eq!((server.url(), server.mqtt_url()), (url, mqtt));
        assert!(server.logged(&["Server is ready"]));
    }

    #[tokio::test]
    async fn a_cluster_outlives_each_of_its_nodes() {
        let mut cluster = NatsCluster::start(3).await;
        for node in 0..3 {
            cluster.kill(node);
            cluster.start_again(node).await;
        }
    }
}
