//! Tests of `http::connection`.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test]
async fn who_closes_within_the_preface_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(b"PRI").await.unwrap();
    client.shutdown().await.unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let judged = timeout(Duration::from_secs(5), speaks_h2(&socket)).await;
    assert!(!judged.expect("an answer").unwrap());
}
