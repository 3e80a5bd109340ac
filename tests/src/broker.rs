//! Debian's mosquitto, one a test.
//!
//! Invariant: a broker that was stopped and started again has the same port. Ports are taken below the range from
//! which the kernel gives ports to outgoing connections, so none of those can sit on the port in the meantime.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpStream;

use crate::process::{Finished, Process, run};
use crate::publisher::Publisher;
use crate::wait::wait_until;

/// First port that is tried, and how many there are.
const PORTS: (u16, u16) = (10_000, 22_000);

/// A mosquitto on a loopback port, without persistence and without a bound on what it queues.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    folder: tempfile::TempDir,
    process: Option<Process>,
}

impl Broker {
    /// Starts one and waits until it accepts connections.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts one that asks for a user name and a password.
    pub async fn start_with_password(user: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("passwords");
        let mut command = Command::new("mosquitto_passwd");
        command.args(["-b", "-c"]).arg(&file).args([user, password]);
        run("mosquitto_passwd", command).await.succeeded();
        Self::start_in(folder, &format!("allow_anonymous false\npassword_file {}", file.display())).await
    }

    /// Starts one with further lines of configuration.
    pub async fn start_with(extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, &format!("allow_anonymous true\n{extra}")).await
    }

    async fn start_in(folder: tempfile::TempDir, extra: &str) -> Self {
        let port = free_port();
        let configuration = format!(
            "listener {port} 127.0.0.1\npersistence false\nuser root\nlog_dest stderr\n\
             max_queued_messages 0\nmax_inflight_messages 200\n{extra}\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), configuration).expect("its configuration is written");
        let mut broker = Self { port, folder, process: None };
        broker.start_again().await;
        broker
    }

    /// Starts a stopped broker again on its port.
    ///
    /// # Panics
    /// If mosquitto is not installed, or does not come up.
    pub async fn start_again(&mut self) {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("mosquitto is not installed: run scripts/test, or apt-get install mosquitto");
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        let mut process = Process::start("mosquitto", command);
        wait_until("mosquitto accepts connections", async || {
            assert!(process.runs(), "mosquitto ended: {:?}", process.log());
            TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
        self.process = Some(process);
    }

    /// Ends it; its clients see their connections closed.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Whether it logged a line that holds all of `parts`.
    pub fn logged(&self, parts: &[&str]) -> bool {
        let process = self.process.as_ref().expect("the broker runs");
        process.logged(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address as a setting.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// A publisher that is connected.
    pub async fn publisher(&self) -> Publisher {
        Publisher::connect(self.port).await
    }

    /// Runs Debian's `mosquitto_pub` for one message, as a person would.
    pub async fn mosquitto_pub(&self, topic: &str, payload: &str) -> Finished {
        self.mosquitto_pub_with(topic, payload, &[]).await
    }

    /// Has it keep `payload` for whoever subscribes to `topic`.
    pub async fn retains(&self, topic: &str, payload: &str) {
        let sent = self.mosquitto_pub_with(topic, payload, &["-r"]).await;
        sent.succeeded();
    }

    async fn mosquitto_pub_with(&self, topic: &str, payload: &str, more: &[&str]) -> Finished {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic, "-m", payload]);
        command.args(more);
        run("mosquitto_pub", command).await
    }
}

/// A port on loopback that nobody listens on, different with each call.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two test processes at once begin in different places.
    let start = (std::process::id() % 200) as u16 * 110;
    loop {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS.1;
        let port = PORTS.0 + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broker_comes_back_on_its_port_and_acknowledges() {
        let mut broker = Broker::start().await;
        let (url, mut publisher) = (broker.url(), broker.publisher().await);
        publisher.count("T1", "A", 0..1000).await;
        broker.stop();
        broker.start_again().await;
        assert_eq!(broker.url(), url);
        broker.publisher().await.count("T1", "A", 0..1).await;
        broker.mosquitto_pub("a/b", "{}").await.succeeded();
    }

    #[tokio::test]
    async fn a_broker_with_a_password_refuses_strangers() {
        let broker = Broker::start_with_password("user", "word").await;
        let refused = broker.mosquitto_pub("a/b", "{}").await;
        assert_ne!(refused.code, Some(0));
    }
}
