//! The way to a server, that a test may cut or hold up.
//!
//! Invariants: nothing passes after [`Proxy::cut`] has returned, in either direction, until [`Proxy::restore`]. What is
//! held up is not lost.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::raw::{NARROW, socket_with_buffer};
use crate::wait::within;

/// What becomes of what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    Held,
    Cut,
}

/// A TCP proxy on a loopback port. Its connections end when it is cut, and when its value is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    way: watch::Sender<Way>,
    acceptor: AbortHandle,
}

impl Proxy {
    /// Starts one to this port of loopback.
    pub async fn start(to: u16) -> Self {
        Self::with_buffer(to, 1 << 18).await
    }

    /// The same with small buffers towards the server, which notices soon that it is held up.
    pub async fn narrow(to: u16) -> Self {
        Self::with_buffer(to, NARROW).await
    }

    async fn with_buffer(to: u16, buffer: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("a bound listener").port();
        let way = watch::Sender::new(Way::Open);
        let server = (SocketAddr::from((Ipv4Addr::LOCALHOST, to)), buffer);
        let acceptor = tokio::spawn(accept(listener, server, way.clone())).abort_handle();
        Self { port, way, acceptor }
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address as a broker's.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Reads nothing any more, from either side, until [`Proxy::restore`].
    pub fn hold(&self) {
        self.way.send_replace(Way::Held);
    }

    /// Ends every connection, and each new one at once.
    pub async fn cut(&self) {
        self.way.send_replace(Way::Cut);
        // Each connection holds a receiver.
        within("the end of the connections", self.way.closed()).await;
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.way.send_replace(Way::Cut);
    }
}

async fn accept(listener: TcpListener, (server, buffer): (SocketAddr, usize), way: watch::Sender<Way>) {
    while let Ok((client, _)) = listener.accept().await {
        let way = way.subscribe();
        tokio::spawn(async move {
            if let Ok(server) = socket_with_buffer(server, buffer) {
                pass(client, server, way).await;
            }
        });
    }
}

/// Passes on until either end is closed, or the way is cut. However it ends, both ends are closed.
async fn pass(mut client: TcpStream, mut server: TcpStream, mut way: watch::Receiver<Way>) {
    let mut copies = pin!(copy_bidirectional(&mut client, &mut server));
    loop {
        let now = *way.borrow_and_update();
        if now == Way::Cut {
            return;
        }
        tokio::select! {
            biased;
            changed = way.changed() => if changed.is_err() { return },
            _ = &mut copies, if now == Way::Open => return,
        }
    }
}
