//! A device: a client of MQTT 5 or 3.1.1 that publishes with QoS 1 and knows what the broker has acknowledged.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::{mqttbytes, v5};
use tokio::sync::watch;

use crate::wait::within;

/// The topic of a device's telemetry.
pub fn topic(tenant: &str, device: &str) -> String {
    format!("tenant/{tenant}/device/{device}/telemetry")
}

/// What the connection has reported so far.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    connected: bool,
    acknowledged: u64,
    ended: bool,
}

#[derive(Debug)]
enum Client {
    V5(v5::AsyncClient),
    V4(rumqttc::AsyncClient),
}

/// One connection to the broker. Messages of one publisher keep their order.
#[derive(Debug)]
pub struct Publisher {
    client: Client,
    progress: watch::Receiver<Progress>,
    sent: u64,
}

impl Publisher {
    /// Connects to the broker on a loopback port.
    pub async fn connect(port: u16) -> Self {
        let mut options = v5::MqttOptions::new(id(), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(60)).set_max_packet_size(Some(1 << 20));
        let mut network = options.network_options();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, connection) = v5::AsyncClient::new(options, 64);
        let (report, progress) = watch::channel(Progress::default());
        tokio::spawn(drive(connection, report));
        Self::connected(Client::V5(client), progress).await.expect("the broker takes a publisher")
    }

    /// Connects to a broker that speaks MQTT 3.1.1 only.
    pub async fn connect_old(port: u16) -> Self {
        Self::try_connect_old(port).await.expect("the broker takes a publisher")
    }

    /// Connects to a broker that speaks MQTT 3.1.1 only, and that may not be well.
    pub async fn try_connect_old(port: u16) -> Option<Self> {
        let mut options = rumqttc::MqttOptions::new(id(), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(60)).set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = rumqttc::AsyncClient::new(options, 64);
        let mut network = rumqttc::NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.set_network_options(network);
        let (report, progress) = watch::channel(Progress::default());
        tokio::spawn(drive_old(connection, report));
        Self::connected(Client::V4(client), progress).await
    }

    async fn connected(client: Client, mut progress: watch::Receiver<Progress>) -> Option<Self> {
        let connected = progress.wait_for(|progress| progress.connected || progress.ended);
        let is_in = !within("CONNACK", connected).await.expect("it reports").ended;
        is_in.then_some(Self { client, progress, sent: 0 })
    }

    /// Publishes a device's telemetry and waits for the acknowledgement.
    pub async fn telemetry(&mut self, tenant: &str, device: &str, payload: impl Into<Vec<u8>>) {
        self.send(&topic(tenant, device), payload).await;
        self.settled().await;
    }

    /// Publishes `{"metrics":{"n":n}}` for each number, and waits until all are acknowledged.
    pub async fn count(&mut self, tenant: &str, device: &str, numbers: std::ops::Range<u64>) {
        let topic = topic(tenant, device);
        for n in numbers {
            self.send(&topic, format!(r#"{{"metrics":{{"n":{n}}}}}"#)).await;
        }
        self.settled().await;
    }

    /// Publishes a device's telemetry for the broker to retain, and waits for the acknowledgement.
    pub async fn retain(&mut self, tenant: &str, device: &str, payload: &str) {
        self.publish(&topic(tenant, device), payload.into(), true, true).await;
        self.sent += 1;
        self.settled().await;
    }

    /// Hands one message over without waiting for the acknowledgement.
    ///
    /// # Panics
    /// If the connection is lost.
    pub async fn send(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload.into(), true, false).await;
        self.sent += 1;
    }

    /// Hands one message of QoS 0 over, which the broker does not acknowledge.
    pub async fn unassured(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload.into(), false, false).await;
    }

    async fn publish(&mut self, topic: &str, payload: Vec<u8>, is_assured: bool, is_retained: bool) {
        let is_sent = async {
            match &self.client {
                Client::V5(client) => {
                    let qos = v5::mqttbytes::qos(is_assured.into()).expect("0 or 1");
                    client.publish(topic, qos, is_retained, payload).await.is_ok()
                }
                Client::V4(client) => {
                    let qos = mqttbytes::qos(is_assured.into()).expect("0 or 1");
                    client.publish(topic, qos, is_retained, payload).await.is_ok()
                }
            }
        };
        assert!(within("room for a message", is_sent).await, "the publisher is connected");
    }

    /// Waits until the broker has acknowledged all that was sent.
    ///
    /// # Panics
    /// If the connection is lost before.
    pub async fn settled(&mut self) {
        let sent = self.sent;
        let settled = self.progress.wait_for(|progress| progress.acknowledged >= sent || progress.ended);
        let progress = *within("the broker's acknowledgements", settled).await.expect("it reports");
        assert!(progress.acknowledged >= sent, "the publisher lost its broker");
    }

    /// Waits until the broker has acknowledged all that was sent, or has ended the connection. Returns whether it has
    /// acknowledged it.
    pub async fn gone_or_settled(&mut self) -> bool {
        let sent = self.sent;
        let settled = self.progress.wait_for(|progress| progress.acknowledged >= sent || progress.ended);
        let progress = *within("the broker's judgement", settled).await.expect("it reports");
        progress.acknowledged >= sent
    }
}

fn id() -> String {
    format!("device-{:016x}", fastrand::u64(..))
}

async fn drive(mut connection: v5::EventLoop, report: watch::Sender<Progress>) {
    loop {
        match connection.poll().await {
            Ok(v5::Event::Incoming(Packet::ConnAck(_))) => report.send_modify(|progress| progress.connected = true),
            Ok(v5::Event::Incoming(Packet::PubAck(_))) => report.send_modify(|progress| progress.acknowledged += 1),
            Ok(_) => {}
            Err(_) => return report.send_modify(|progress| progress.ended = true),
        }
    }
}

async fn drive_old(mut connection: rumqttc::EventLoop, report: watch::Sender<Progress>) {
    use mqttbytes::v4::Packet;
    loop {
        match connection.poll().await {
            Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                report.send_modify(|progress| progress.connected = true)
            }
            Ok(rumqttc::Event::Incoming(Packet::PubAck(_))) => {
                report.send_modify(|progress| progress.acknowledged += 1);
            }
            Ok(_) => {}
            Err(_) => return report.send_modify(|progress| progress.ended = true),
        }
    }
}
