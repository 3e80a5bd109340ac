//! The way to a broker, that a test may cut.
//!
//! Invariant: nothing passes after [`Proxy::cut`] has returned, in either direction, until [`Proxy::restore`].

use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::wait::within;

/// A TCP proxy on a loopback port. Its connections end when it is cut, and when its value is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    is_open: watch::Sender<bool>,
    acceptor: AbortHandle,
}

impl Proxy {
    /// Starts one to this port of loopback.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("a bound listener").port();
        let is_open = watch::Sender::new(true);
        let acceptor = tokio::spawn(accept(listener, to, is_open.clone())).abort_handle();
        Self { port, is_open, acceptor }
    }

    /// Its address as a broker's.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends every connection, and each new one at once.
    pub async fn cut(&self) {
        self.is_open.send_replace(false);
        // Each connection holds a receiver.
        within("the end of the connections", self.is_open.closed()).await;
    }

    /// Lets connections through again.
    pub fn restore(&self) {
        self.is_open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.is_open.send_replace(false);
    }
}

async fn accept(listener: TcpListener, to: u16, is_open: watch::Sender<bool>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let mut open = is_open.subscribe();
        tokio::spawn(async move {
            let pass = async {
                if let Ok(mut broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await {
                    // However it ends, both ends are closed.
                    let _ = copy_bidirectional(&mut client, &mut broker).await;
                }
            };
            tokio::select! {
                biased;
                _ = open.wait_for(|open| !open) => {}
                () = pass => {}
            }
        });
    }
}
