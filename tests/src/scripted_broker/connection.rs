//! One connection: its packets, and the answers to them.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule};
use rumqttc::v5::mqttbytes::{Error as CodecError, matches};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::packets::{self, acknowledged, published};
use super::{Answer, Client, Out, Seen, Shared};

/// How long a client may take to close a connection that the broker has ended.
const LEAVE: Duration = Duration::from_secs(1);

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let (input, output) = socket.into_split();
    let (out, waiting) = mpsc::unbounded_channel();
    let client = Client { out, filters: Arc::default(), subscribed: Arc::default() };
    tokio::select! {
        () = write(output, waiting) => {}
        () = read(input, &client, &shared) => {}
    }
    shared.note(Seen::Gone);
}

async fn write(mut output: OwnedWriteHalf, mut waiting: mpsc::UnboundedReceiver<Out>) {
    while let Some(Out::Bytes(bytes)) = waiting.recv().await {
        if output.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // A socket that is closed with bytes unread takes back what it sent last: the client is to see it, and to close first.
    let _ = output.shutdown().await;
    tokio::time::sleep(LEAVE).await;
}

/// Reads packets until there are no more. What is answered by the end of the connection is the writer's to end, after
/// all that was sent before.
async fn read(mut input: OwnedReadHalf, client: &Client, shared: &Shared) {
    let mut buffer = BytesMut::new();
    loop {
        match Packet::read(&mut buffer, None) {
            Ok(packet) => handle(packet, client, shared),
            Err(CodecError::InsufficientBytes(_)) => {
                if !matches!(input.read_buf(&mut buffer).await, Ok(read) if read > 0) {
                    return;
                }
            }
            // A DISCONNECT with no reason code has no payload, which the codec takes for an error.
            Err(_) => return shared.note(Seen::Disconnect),
        }
    }
}

fn handle(packet: Packet, client: &Client, shared: &Shared) {
    match packet {
        Packet::Connect(connect, _, _) => {
            shared.note(Seen::Connect(connect.client_id.clone()));
            let answer = shared.answer(|rules| &mut rules.connect, connect.client_id.as_str());
            // Bytes may be a CONNACK that says more.
            if matches!(answer, Answer::Good | Answer::Bytes(_)) {
                shared.clients.lock().expect("nobody panics").push(client.clone());
            }
            reply(client, answer, 0, |_, codes| match codes {
                Some(codes) => vec![0x20, 3, 0, codes[0], 0],
                None => packets::WELCOME.to_vec(),
            });
        }
        Packet::Subscribe(subscribe) => {
            let paths: Vec<String> = subscribe.filters.iter().map(|it| it.path.clone()).collect();
            shared.note(Seen::Subscribe(paths.clone()));
            let answer = shared.answer(|rules| &mut rules.subscribe, paths.as_slice());
            let answer = client.paced(answer);
            let granted: Vec<Filter> = match &answer {
                Answer::Good | Answer::WrongId => subscribe.filters.clone(),
                Answer::Codes(codes) => subscribe
                    .filters
                    .iter()
                    .zip(codes)
                    .filter(|(_, code)| **code < 0x80)
                    .map(|(filter, _)| filter.clone())
                    .collect(),
                _ => Vec::new(),
            };
            client.filters.lock().expect("nobody panics").extend(granted.clone());
            reply(client, answer, subscribe.pkid, |id, codes| {
                let codes = codes.map_or(vec![0; paths.len()], <[u8]>::to_vec);
                acknowledged(0x90, id, &codes)
            });
            for (topic, payload) in shared.retained.lock().expect("nobody panics").iter() {
                let wants = |filter: &&Filter| {
                    filter.retain_forward_rule != RetainForwardRule::Never && matches(topic, &filter.path)
                };
                if granted.iter().any(|filter| wants(&filter)) {
                    client.send(published(topic, payload, true));
                }
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            shared.note(Seen::Unsubscribe(unsubscribe.filters.clone()));
            let answer = shared.answer(|rules| &mut rules.unsubscribe, unsubscribe.filters.as_slice());
            let mut filters = client.filters.lock().expect("nobody panics");
            filters.retain(|filter| !unsubscribe.filters.contains(&filter.path));
            reply(client, answer, unsubscribe.pkid, |id, codes| {
                let codes = codes.map_or(vec![0; unsubscribe.filters.len()], <[u8]>::to_vec);
                acknowledged(0xb0, id, &codes)
            });
        }
        Packet::Publish(publish) => {
            let topic = String::from_utf8_lossy(&publish.topic).into_owned();
            shared.note(Seen::Publish(topic.clone(), publish.payload.len()));
            let answer = shared.answer(|rules| &mut rules.publish, topic.as_str());
            if answer == Answer::Good {
                keep_and_deliver(&topic, &publish, shared);
            }
            if publish.qos != QoS::AtMostOnce || !matches!(answer, Answer::Good | Answer::Codes(_)) {
                reply(client, answer, publish.pkid, |id, codes| {
                    let code = codes.map_or(0, |codes| codes[0]);
                    let id = id.to_be_bytes();
                    vec![0x40, 4, id[0], id[1], code, 0]
                });
            }
        }
        Packet::PubAck(ack) => shared.note(Seen::Acknowledged(ack.pkid)),
        Packet::PingReq(_) => {
            shared.note(Seen::Ping);
            let answer = shared.answer(|rules| &mut rules.ping, &());
            reply(client, answer, 0, |_, _| vec![0xd0, 0]);
        }
        Packet::Disconnect(_) => {
            shared.note(Seen::Disconnect);
            let _ = client.out.send(Out::End);
        }
        other => panic!("a client sent {other:?}"),
    }
}

fn keep_and_deliver(topic: &str, publish: &Publish, shared: &Shared) {
    if publish.retain {
        let mut retained = shared.retained.lock().expect("nobody panics");
        if publish.payload.is_empty() {
            retained.remove(topic);
        } else {
            retained.insert(topic.to_owned(), publish.payload.to_vec());
        }
    }
    shared.deliver(topic, &publish.payload);
}

/// Sends the answer. `good` makes a proper one, of a packet id and perhaps of codes.
fn reply(client: &Client, answer: Answer, id: u16, good: impl Fn(u16, Option<&[u8]>) -> Vec<u8>) {
    match answer {
        Answer::Good => client.send(good(id, None)),
        Answer::Codes(codes) => client.send(good(id, Some(&codes))),
        Answer::WrongId => client.send(good(id.wrapping_add(1000), None)),
        Answer::Silence | Answer::Paced(_) => {}
        Answer::Bytes(bytes) => client.send(bytes),
        Answer::Disconnect(code) => {
            client.send(vec![0xe0, 2, code, 0]);
            let _ = client.out.send(Out::End);
        }
        Answer::Cut => {
            let _ = client.out.send(Out::End);
        }
    }
}
