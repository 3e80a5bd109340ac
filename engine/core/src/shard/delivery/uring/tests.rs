//! Tests of `shard::delivery::uring`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use super::*;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, listener.accept().unwrap().0)
}

fn read_all(peer: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    peer.read_exact(&mut read).unwrap();
    read
}

#[test]
fn each_socket_gets_the_bytes_and_no_error_is_reported() {
    let mut uring = Uring::open().unwrap();
    let mut pairs: Vec<_> = (0..300).map(|_| pair()).collect();
    for round in 0..3_u8 {
        for some in pairs.chunks_mut(SENDS) {
            let bytes = vec![round; 1000];
            let took = uring.send(&bytes, some.iter().map(|(ours, _)| ours.as_fd()));
            assert_eq!(took, vec![1000; some.len()]);
        }
        for (_, peer) in &mut pairs {
            assert_eq!(read_all(peer, 1000), vec![round; 1000]);
        }
    }
}

#[test]
fn one_that_is_full_takes_a_part_and_then_nothing_and_one_that_is_gone_says_so() {
    let mut uring = Uring::open().unwrap();
    let ((full, mut slow), (gone, peer), (fine, mut reader)) = (pair(), pair(), pair());
    drop(peer);
    // The first write after the peer has gone makes it answer that it has.
    while (&gone).write(b"x").is_ok() {}
    let bytes = vec![7; 16 * 1024 * 1024];
    let sockets = [&full, &gone];
    let took = uring.send(&bytes, sockets.iter().map(|socket| socket.as_fd()));
    let part = took[0];
    assert!(part > 0 && part < 16 * 1024 * 1024, "took {part}");
    assert!([-libc::EPIPE, -libc::ECONNRESET].contains(&took[1]), "{took:?}");
    let mut sent = bytes[..part as usize].to_vec();
    // What it took moves on to its peer at the kernel's leisure, which makes room again until the peer is full as well.
    loop {
        while let Ok(more) = usize::try_from(uring.send(&bytes, [full.as_fd()].into_iter())[0]) {
            sent.extend_from_slice(&bytes[..more]);
        }
        let took = uring.send(b"abc", [&full, &fine].iter().map(|socket| socket.as_fd())).to_vec();
        assert_eq!(took[1], 3);
        assert_eq!(read_all(&mut reader, 3), b"abc");
        match usize::try_from(took[0]) {
            Ok(more) => sent.extend_from_slice(&b"abc"[..more]),
            Err(_) => {
                assert_eq!(took[0], -libc::EAGAIN);
                break;
            }
        }
    }
    assert!(read_all(&mut slow, sent.len()) == sent, "all that it took, in order");
}
