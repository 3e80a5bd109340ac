//! A PostgreSQL server of one test.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

/// For what happens in a second on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Debian's PostgreSQL 15, with a database `postgres` and its user of that name, who needs no password.
pub(super) struct Server {
    port: u16,
    folder: TempDir,
    process: Child,
}

impl Server {
    pub(super) async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let folder = tempfile::tempdir().expect("a folder");
        if let Some((user, group)) = unprivileged() {
            chown(folder.path(), Some(user), Some(group)).expect("it is ours");
        }
        let data = folder.path().join("data");
        let mut init = program("initdb", &folder);
        let made = init
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output();
        let made = made.expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let process = run(&folder, port);
        let server = Self { port, folder, process };
        server.lets_in().await;
        server
    }

    /// Ends it at once (SIGQUIT), as after a fault of the machine.
    pub(super) fn kill(&mut self) {
        let mut kill = Command::new("kill");
        let killed = kill.args(["-QUIT", &self.process.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        self.process.wait().expect("our own child");
    }

    /// Starts it again on its files.
    pub(super) async fn start_again(&mut self) {
        self.process = run(&self.folder, self.port);
        self.lets_in().await;
    }

    pub(super) fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address for this user.
    pub(super) fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Runs these statements.
    pub(super) async fn does(&self, statements: &str) {
        let client = self.connect().await.expect("a connection");
        client.batch_execute(statements).await.expect("they run");
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, wire) = tokio_postgres::connect(&self.url(), NoTls).await?;
        tokio::spawn(wire);
        Ok(client)
    }

    async fn lets_in(&self) {
        let connects = async {
            while self.connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, connects).await.expect("PostgreSQL lets us in");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

fn run(folder: &TempDir, port: u16) -> Child {
    let mut command = program("postgres", folder);
    command.arg("-D").arg(folder.path().join("data")).arg("-k").arg(folder.path());
    command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("postgres starts")
}

/// A program of PostgreSQL, which does not run as root.
fn program(name: &str, folder: &TempDir) -> Command {
    let debian = Path::new("/usr/lib/postgresql/15/bin").join(name);
    let found = if debian.exists() { debian.as_os_str() } else { OsStr::new(name) };
    let mut command = Command::new(found);
    command.current_dir(folder.path());
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

/// The user and group that PostgreSQL runs as where we are root.
fn unprivileged() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if id != b"0\n" {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("PostgreSQL is installed");
    let mut fields = line.split(':').skip(2).map(|field| field.parse().expect("a number"));
    Some((fields.next()?, fields.next()?))
}
