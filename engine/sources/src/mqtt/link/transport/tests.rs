//! Brokers that can't be reached.

use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::time::Duration;

use tokio::net::TcpListener;

use super::*;

fn within(connect_timeout: Duration) -> (Config, Instant) {
    let config = Config { connect_timeout, ..Config::default() };
    (config, Instant::now() + connect_timeout)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A listener that does not let another one in: its queue is full.
fn deaf() -> (socket2::Socket, Vec<socket2::Socket>, SocketAddr) {
    use socket2::{Domain, Socket, Type};
    let new = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = new();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = || {
        let one = new();
        one.set_nonblocking(true).unwrap();
        // It is under way.
        let _ = one.connect(&address);
        one
    };
    let queue = (0..8).map(|_| waiting()).collect();
    (listener, queue, address.as_socket().unwrap())
}

#[tokio::test]
async fn each_address_of_a_name_is_tried_and_one_that_swallows_everything_leaves_time_for_the_next() {
    let (config, deadline) = within(Duration::from_secs(2));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = listener.local_addr().unwrap();
    let (_listener, _queue, deaf) = deaf();
    let stream = first_of(&config, &[nobody(), deaf, good], deadline).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    assert!(stream.nodelay().unwrap());
    let refused = first_of(&config, &[nobody()], deadline).await.unwrap_err();
    assert!(refused.to_string().contains("can't be reached"), "{refused}");
}

#[tokio::test]
async fn a_broker_that_can_not_be_reached_in_time_is_told_as_what_was_waited_for() {
    let (config, deadline) = within(Duration::from_millis(50));
    let (_listener, _queue, deaf) = deaf();
    let late = first_of(&config, &[deaf], deadline).await.unwrap_err();
    assert_eq!(late.to_string(), "no TCP connection within 50ms (mqtt.connect_timeout_seconds)");
    let unknown = Broker::parse("mqtt://no-such-name.invalid").unwrap();
    let (config, deadline) = within(Duration::from_secs(20));
    let dialer = Dialer::new(&config, &[]).unwrap();
    let error = dialer.dial(&config, &unknown, deadline).await.err().unwrap();
    assert!(error.to_string().contains("can't be resolved"), "{error}");
}
