//! Debian's PostgreSQL, a server a test.
//!
//! Invariant: a server that was stopped and started again has the same port and the same data. It refuses to run as root, so
//! a test that is root starts it as the user `postgres`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Signal, geteuid};
use tokio_postgres::{Client, NoTls};

use crate::broker::free_port;
use crate::process::{Process, run};
use crate::wait::{wait_until, within};

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Sessions are ended with a word, what is committed is written.
    Fast,
    /// Sessions are cut, and what is committed is found again at the next start.
    Immediate,
}

/// A server on a loopback port, with the tables and the triggers of the documentation.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    process: Option<Process>,
    // Last, so that the process has ended before its files go.
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts one and waits until it serves.
    pub async fn start() -> Self {
        let mut server = Self::new().await;
        server.configure("").await;
        server.start_again().await;
        server.prepare().await;
        server
    }

    /// Starts one that speaks TLS with this certificate and key.
    pub async fn start_with_tls(cert: &str, key: &str) -> Self {
        let mut server = Self::new().await;
        fs::write(server.data().join("server.crt"), cert).expect("written");
        let file = server.data().join("server.key");
        fs::write(&file, key).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
        server.configure("ssl = on").await;
        server.start_again().await;
        server.prepare().await;
        server
    }

    /// One that does not run yet.
    async fn new() -> Self {
        let server = Self { port: free_port(), process: None, folder: tempfile::tempdir().expect("a folder") };
        fs::write(server.folder.path().join("password"), "open sesame").expect("written");
        server.give_away().await;
        let mut command = program("initdb");
        command
            .arg("-D")
            .arg(server.data())
            .arg("--pwfile")
            .arg(server.folder.path().join("password"));
        command.args(["-U", "admin", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
        run("initdb", command).await.succeeded();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Gives its files to the user that it runs as.
    async fn give_away(&self) {
        if geteuid().is_root() {
            let mut command = Command::new("chown");
            command.args(["-R", "postgres:"]).arg(self.folder.path());
            run("chown", command).await.succeeded();
        }
    }

    async fn configure(&self, more: &str) {
        let lines = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nfsync = off\nmax_connections = 60\n\
             shared_buffers = 16MB\n{more}\n",
            self.port
        );
        let file = self.data().join("postgresql.conf");
        fs::write(file, lines).expect("written");
        self.give_away().await;
    }

    /// Makes what the documentation tells people to make, and the user of the gateway.
    async fn prepare(&self) {
        self.sql("create role floodway login password 'word'").await;
        for block in documented() {
            self.sql(block).await;
        }
    }

    /// Starts a stopped server again on its port.
    pub async fn start_again(&mut self) {
        let mut command = program("postgres");
        command.arg("-D").arg(self.data());
        let mut process = Process::start("postgres", command);
        let url = self.admin();
        wait_until("PostgreSQL serves", async || {
            assert!(process.runs(), "postgres ended: {:?}", process.log());
            tokio_postgres::connect(&url, NoTls).await.is_ok()
        })
        .await;
        self.process = Some(process);
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(&mut self, shutdown: Shutdown) {
        let mut process = self.process.take().expect("it runs");
        process.signal(match shutdown {
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        });
        process.ended().await;
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn admin(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=admin password='open sesame' dbname=postgres sslmode=disable",
            self.port
        )
    }

    /// Its address as a setting: the login that `docs/postgres.md` gives the gateway.
    pub fn url(&self) -> String {
        self.url_of("floodway:word", "?sslmode=disable")
    }

    /// Its address with another login and query.
    pub fn url_of(&self, login: &str, query: &str) -> String {
        format!("postgres://{login}@127.0.0.1:{}/postgres{query}", self.port)
    }

    /// A session of the administrator.
    pub async fn client(&self) -> Client {
        let (client, connection) = within("a session", tokio_postgres::connect(&self.admin(), NoTls))
            .await
            .unwrap_or_else(|error| panic!("no session: {error:?}"));
        tokio::spawn(connection);
        client
    }

    /// Runs statements as the administrator.
    pub async fn sql(&self, text: &str) {
        let done = within("the statements", async { self.client().await.batch_execute(text).await }).await;
        done.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }

    /// Inserts a row with `{"n":n}` for each number, in one transaction each.
    pub async fn count(&self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        let client = self.client().await;
        for n in numbers {
            insert(&client, tenant, device, n).await;
        }
    }

    /// Inserts so many rows at once.
    pub async fn count_at_once(&self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        let (first, last) = (numbers.start, numbers.end - 1);
        let rows =
            format!("select '{tenant}', '{device}', json_build_object('n', n) from generate_series({first}, {last}) n");
        self.sql(&format!("insert into telemetry (tenant_id, device_id, metrics) {rows}")).await;
    }

    /// Sends a notification.
    pub async fn notify(&self, text: &str) {
        let client = self.client().await;
        let sent = async { client.execute("select pg_notify('floodway_telemetry', $1)", &[&text]).await };
        within("the notification", sent).await.expect("sent");
    }
}

/// Inserts a row with `{"n":n}` in a transaction of its own.
pub async fn insert(client: &Client, tenant: &str, device: &str, n: u64) {
    let text =
        "insert into telemetry (tenant_id, device_id, metrics) values ($1, $2, json_build_object('n', $3::bigint))";
    let n = i64::try_from(n).expect("a number of a test");
    let inserted = async { client.execute(text, &[&tenant, &device, &n]).await };
    within("the insert", inserted).await.unwrap_or_else(|error| panic!("{error:?}"));
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Killed outright it would leave shared memory behind.
            process.signal(Signal::QUIT);
            process.wait_for_end();
        }
    }
}

/// The statements that the pages tell people to run, block by block.
fn documented() -> impl Iterator<Item = &'static str> {
    let pages = [include_str!("../../docs/postgres.md"), include_str!("../../docs/control.md")];
    let blocks = pages.into_iter().flat_map(|page| page.split("```sql\n").skip(1));
    blocks.map(|block| block.split("```").next().expect("a beginning"))
}

/// A program of PostgreSQL's, as a user that is not root.
fn program(name: &str) -> Command {
    let newest = (13..30).rev().map(|version| format!("/usr/lib/postgresql/{version}/bin/{name}"));
    let path = newest.into_iter().find(|path| Path::new(path).exists());
    let path = path.expect("PostgreSQL is not installed: run scripts/test, or apt-get install postgresql");
    if !geteuid().is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", &path]);
    command
}
