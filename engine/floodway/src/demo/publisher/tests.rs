//! Tests of `demo::publisher`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::demo::kinds::tank;

const DEVICE: Device = Device { tenant: "acme", site: "PLANT-1", id: "tank-1", measure: tank };

/// First bytes of packets (MQTT 5.0, 2.1), and a whole one that accepts.
const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];

/// The next packet: its first byte and the rest.
async fn packet(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = socket.read_u8().await.expect("a packet");
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = usize::from(socket.read_u8().await.expect("a length"));
        length |= (byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let mut rest = vec![0; length];
    socket.read_exact(&mut rest).await.expect("the whole packet");
    (first, rest)
}

#[tokio::test]
async fn a_device_comes_back_after_its_broker_was_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let broker = listener.local_addr().expect("an address");
    let connected = AtomicUsize::new(0);
    let visits = async {
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            assert_eq!(packet(&mut socket).await.0, CONNECT);
            socket.write_all(&CONNACK).await.expect("written");
            let (first, rest) = packet(&mut socket).await;
            assert_eq!(first, PUBLISH);
            let rest = String::from_utf8_lossy(&rest);
            assert!(rest.contains("tenant/acme/device/tank-1/telemetry\0{"), "{rest}");
            assert_eq!(connected.load(Ordering::Relaxed), 1);
        }
    };
    tokio::select! {
        () = run(DEVICE, broker, Instant::now(), &connected) => panic!("a device never ends"),
        visited = timeout(Duration::from_secs(20), visits) => visited.expect("two visits"),
    }
}
