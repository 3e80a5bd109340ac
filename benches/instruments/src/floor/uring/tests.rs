//! Tests of `instruments::floor::uring`.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use super::*;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let socket = listener.accept().unwrap().0;
    socket.set_nonblocking(true).unwrap();
    (socket, peer)
}

#[test]
fn more_sockets_than_fit_into_one_call_are_all_sent_everything() {
    let mut uring = Uring::with_room(4).unwrap();
    let mut pairs: Vec<_> = (0..9).map(|_| pair()).collect();
    let mut unsent = Vec::new();
    for bytes in [&b"one"[..], b"two and more", b"3"] {
        let sockets = pairs.iter().map(|(socket, _)| socket.as_fd());
        uring.send(bytes, sockets, &mut unsent).unwrap();
        assert!(unsent.is_empty());
        for (_, peer) in &mut pairs {
            let mut read = vec![0; bytes.len()];
            peer.read_exact(&mut read).unwrap();
            assert_eq!(read, bytes);
        }
    }
}

#[test]
fn who_is_full_or_gone_is_told_and_holds_up_nobody() {
    let mut uring = Uring::new().unwrap();
    let (full, mut reads_late) = pair();
    let (broken, _peer) = pair();
    broken.shutdown(std::net::Shutdown::Write).unwrap();
    let bytes = vec![b'x'; 64 << 20];
    let sockets = [full.as_fd(), broken.as_fd(), full.as_fd()];
    let mut unsent = Vec::new();
    uring.send(&bytes, sockets.into_iter(), &mut unsent).unwrap();
    let told: Vec<RawFd> = unsent.iter().map(|unsent| unsent.fd).collect();
    assert_eq!(told, sockets.map(|socket| socket.as_raw_fd()));
    let mut sent = unsent.into_iter().map(|unsent| unsent.sent);
    let took = sent.next().unwrap().expect("it takes a part");
    let mut why = || sent.next().unwrap().unwrap_err().kind();
    assert_eq!(why(), ErrorKind::BrokenPipe);
    assert_eq!(why(), ErrorKind::WouldBlock);
    drop(full);
    let mut read = Vec::new();
    reads_late.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), took, "what was told is what was sent");
    assert!(read == bytes[..took]);
}
