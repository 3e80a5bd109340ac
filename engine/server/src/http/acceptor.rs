//! Accepts connections, and gives them to the shards in turn.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::config::Config;
use super::connection;
use super::pending::{Pending, Ticket};
use super::shard_context::{ShardContext, Shared};
use floodway_core::shard::{self, Shard};

/// Connections that wait to be accepted; the kernel's own bound (`somaxconn`) is 4,096 by default.
const BACKLOG: i32 = 4096;

/// Accepted connections that wait for their shard.
const DEALT: usize = 256;

/// The pause after the process ran out of descriptors or memory: other connections have to end first.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A connection on its way to a shard.
pub struct Dealt {
    socket: std::net::TcpStream,
    ticket: Ticket,
}

/// The listener.
pub struct Acceptor {
    listener: TcpListener,
    pending: Pending,
    shards: Vec<mpsc::Sender<Dealt>>,
}

impl Acceptor {
    /// Opens the listener. Returns with it the receiving ends of `shards` queues, one for each shard.
    ///
    /// # Errors
    /// If the address can't be bound: it is in use, or not ours.
    pub fn open(
        http: &Config,
        stream: &shard::Config,
        shards: usize,
    ) -> io::Result<(Self, Vec<mpsc::Receiver<Dealt>>)> {
        let listener = TcpListener::from_std(listen(http, stream)?)?;
        let (senders, receivers) = (0..shards).map(|_| mpsc::channel(DEALT)).unzip();
        let pending = Pending::new(http.pending);
        Ok((Self { listener, pending, shards: senders }, receivers))
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections until it is dropped.
    pub async fn run(&self) {
        for turn in (0..self.shards.len()).cycle() {
            let ticket = self.pending.admit().await;
            let socket = self.accept().await;
            if self.deal(turn, Dealt { socket, ticket }).await.is_err() {
                return;
            }
        }
    }

    /// Gives a connection to the shard whose turn it is, or to the next one that has room. Waits only if none has.
    async fn deal(&self, turn: usize, mut dealt: Dealt) -> Result<(), mpsc::error::SendError<Dealt>> {
        let (before, from) = self.shards.split_at(turn);
        for shard in from.iter().chain(before) {
            match shard.try_send(dealt) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(back)) => dealt = back,
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    return Err(mpsc::error::SendError(back));
                }
            }
        }
        self.shards[turn].send(dealt).await
    }

    async fn accept(&self) -> std::net::TcpStream {
        loop {
            let accepted = match self.accept_now() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.await_one().await,
                accepted => accepted,
            };
            match accepted {
                Ok(socket) => return socket,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "can't accept; is the open-files limit reached?");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    /// Accepts the next one of a burst. The runtime would register it with this thread, and deregister it again.
    fn accept_now(&self) -> io::Result<std::net::TcpStream> {
        let (socket, _) = SockRef::from(&self.listener).accept()?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    async fn await_one(&self) -> io::Result<std::net::TcpStream> {
        self.listener.accept().await?.0.into_std()
    }
}

/// Serves the connections that a shard gets, each in a task of its own, on the shard's thread.
pub async fn serve(mut dealt: mpsc::Receiver<Dealt>, shared: Shared, shard: Rc<Shard>) {
    let shard_context = Rc::new(ShardContext::new(shared, shard));
    while let Some(Dealt { socket, ticket }) = dealt.recv().await {
        match TcpStream::from_std(socket) {
            Ok(socket) => {
                tokio::task::spawn_local(connection::serve(socket, ticket, Rc::clone(&shard_context)));
            }
            Err(error) => tracing::warn!(%error, "connection can't be watched"),
        }
    }
}

fn listen(http: &Config, stream: &shard::Config) -> io::Result<std::net::TcpListener> {
    let unknown = || io::Error::new(io::ErrorKind::AddrNotAvailable, "no such address");
    let address = http.listen.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // What each connection inherits from its listener: three system calls less for each. The shard makes batches; Nagle's
    // algorithm would only hold the last segment back.
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(stream.user_timeout))?;
        socket.set_tcp_notsent_lowat(stream.unsent_bytes)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
    Ok(socket.into())
}

/// Whether the peer was gone before it was accepted: the listener itself is well (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
