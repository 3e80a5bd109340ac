//! Tests of `demo::knock`.

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn only_a_broker_is_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answering = async |bytes: &[u8]| {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut asked = vec![0; connect(Version::V5).len()];
        socket.read_exact(&mut asked).await.expect("a CONNECT");
        assert_eq!(asked, connect(Version::V5));
        socket.write_all(bytes).await.expect("written");
    };
    let asking = is_answered(address, Version::V5);
    let (answered, ()) = tokio::join!(asking, answering(&[CONNACK, 3, 0, 0, 0]));
    assert!(answered.expect("an answer"));
    // What a socket that is connected to itself reads.
    let echo = connect(Version::V5);
    let asking = is_answered(address, Version::V5);
    let (answered, ()) = tokio::join!(asking, answering(&echo));
    assert!(!answered.expect("an answer"));
    drop(listener);
    assert!(is_answered(address, Version::V5).await.is_err());
}

#[test]
fn the_two_versions_differ_in_level_and_properties() {
    let (v4, v5) = (connect(Version::V4), connect(Version::V5));
    assert_eq!((v4[8], v5[8]), (4, 5));
    assert_eq!(v4.len() + 1, v5.len());
    for packet in [v4, v5] {
        assert_eq!(usize::from(packet[1]), packet.len() - 2);
    }
}
