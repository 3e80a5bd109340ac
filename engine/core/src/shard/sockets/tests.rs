//! Tests of `shard::sockets`.

use std::io::Write;

use mio::Token;
use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn a_socket_that_is_written_to_wakes_the_runtime_and_reports_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap().0;
    accepted.set_nonblocking(true).unwrap();
    let mut socket = mio::net::TcpStream::from_std(accepted);
    let poll = Poll::new().unwrap();
    poll.registry().register(&mut socket, Token(7), mio::Interest::READABLE).unwrap();
    let mut sockets = Sockets::new(poll).unwrap();
    for _ in 0..3 {
        assert!(sockets.take().unwrap().is_empty());
        peer.write_all(b"x").unwrap();
        timeout(Duration::from_secs(20), sockets.ready()).await.expect("woken").unwrap();
        let reported: Vec<Token> = sockets.take().unwrap().iter().map(|event| event.token()).collect();
        assert_eq!(reported, [Token(7)]);
    }
}
