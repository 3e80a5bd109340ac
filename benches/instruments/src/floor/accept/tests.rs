//! Tests of `instruments::floor::accept`.

use super::*;

#[test]
fn connections_inherit_what_is_set_on_the_listener() {
    let listener = listen("127.0.0.1:0").unwrap();
    assert!(accept(&listener).unwrap().is_none(), "nobody waits");
    let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let socket = accept(&listener).unwrap().expect("one waits");
    assert!(socket.nodelay().unwrap());
    assert_eq!(lowat::tcp_notsent_lowat(&socket).unwrap(), UNSENT_BYTES);
    assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), USER_TIMEOUT_MS);
    let nothing = std::io::Read::read(&mut &socket, &mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
}
