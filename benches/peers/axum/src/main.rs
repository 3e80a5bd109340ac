//! What one writes in an afternoon: MQTT in, WebSocket and SSE out, with axum and a tokio broadcast channel.
//!
//! One task per subscriber waits on the channel and sends; a subscriber that lags is told nothing and goes on. Each event
//! is parsed and encoded once. There are no tokens, tenants or filters: whatever those cost comes on top.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use clap::Parser;
use rumqttc::{AsyncClient, EventLoop, Incoming, MqttOptions, Publish, QoS};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

/// Events that a subscriber may lag behind.
const CHANNEL: usize = 1024;

type Sender = broadcast::Sender<Utf8Bytes>;

#[derive(Parser)]
struct Args {
    /// Address to serve on; prints `ready` once it does.
    #[arg(long)]
    listen: String,
    /// Port of the MQTT broker on this machine.
    #[arg(long)]
    mqtt_port: u16,
}

#[derive(Deserialize)]
struct Telemetry<'a> {
    #[serde(borrow)]
    ts: &'a RawValue,
    #[serde(borrow)]
    metrics: &'a RawValue,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    r#type: &'static str,
    device_id: &'a str,
    tenant_id: &'a str,
    metrics: &'a RawValue,
    timestamp: &'a RawValue,
    topic: &'a str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let (sender, _) = broadcast::channel(CHANNEL);

    let mut options = MqttOptions::new("axum", "127.0.0.1", args.mqtt_port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, events) = AsyncClient::new(options, 100);
    client.subscribe("tenant/+/device/+/telemetry", QoS::AtMostOnce).await?;

    let app = Router::new()
        .route("/ws", get(upgrade))
        .route("/sse", get(sse))
        .with_state(sender.clone());
    // As the documents of `axum::serve` advise for small messages.
    let listener = TcpListener::bind(&args.listen).await?.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        broken = receive(events, sender) => return Err(broken.into()),
    }
    Ok(())
}

/// Hands every telemetry message to the channel, until the broker is gone.
async fn receive(mut events: EventLoop, sender: Sender) -> rumqttc::ConnectionError {
    loop {
        match events.poll().await {
            Ok(rumqttc::Event::Incoming(Incoming::SubAck(_))) => println!("ready"),
            Ok(rumqttc::Event::Incoming(Incoming::Publish(publish))) => {
                if let Some(event) = encode(&publish) {
                    // An error says only that nobody listens.
                    let _ = sender.send(event);
                }
            }
            Ok(_) => {}
            Err(broken) => return broken,
        }
    }
}

fn encode(publish: &Publish) -> Option<Utf8Bytes> {
    let mut levels = publish.topic.split('/');
    let (tenant_id, device_id) = (levels.nth(1)?, levels.nth(1)?);
    let telemetry: Telemetry<'_> = serde_json::from_slice(&publish.payload).ok()?;
    let outgoing = Outgoing {
        r#type: "telemetry",
        device_id,
        tenant_id,
        metrics: telemetry.metrics,
        timestamp: telemetry.ts,
        topic: &publish.topic,
    };
    Some(serde_json::to_string(&outgoing).ok()?.into())
}

async fn upgrade(upgrade: WebSocketUpgrade, State(sender): State<Sender>) -> Response {
    // Before the answer goes out: who has read it misses nothing.
    let events = sender.subscribe();
    upgrade.on_upgrade(|socket| stream(socket, events))
}

async fn stream(mut socket: WebSocket, mut events: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    if socket.send(Message::Text(event)).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

async fn sse(State(sender): State<Sender>) -> impl IntoResponse {
    Sse::new(messages(sender.subscribe())).keep_alive(KeepAlive::default())
}

fn messages(events: broadcast::Receiver<Utf8Bytes>) -> impl Stream<Item = Result<Event, Infallible>> {
    BroadcastStream::new(events).filter_map(|event| match event {
        Ok(event) => Some(Ok(Event::default().data(event.as_str()))),
        Err(BroadcastStreamRecvError::Lagged(_)) => None,
    })
}
