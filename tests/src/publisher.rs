//! A device: an MQTT 5 client that publishes with QoS 1 and knows what the broker has acknowledged.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
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

/// One connection to the broker. Messages of one publisher keep their order.
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    progress: watch::Receiver<Progress>,
    sent: u64,
}

impl Publisher {
    /// Connects to the broker on a loopback port.
    pub async fn connect(port: u16) -> Self {
        let id = format!("device-{:016x}", fastrand::u64(..));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(60)).set_max_packet_size(Some(1 << 20));
        let mut network = options.network_options();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, connection) = AsyncClient::new(options, 64);
        let (report, mut progress) = watch::channel(Progress::default());
        tokio::spawn(drive(connection, report));
        let connected = progress.wait_for(|progress| progress.connected || progress.ended);
        assert!(!within("CONNACK", connected).await.expect("it reports").ended, "the broker refused a publisher");
        Self { client, progress, sent: 0 }
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

    /// Hands one message over without waiting for the acknowledgement.
    ///
    /// # Panics
    /// If the connection is lost.
    pub async fn send(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, payload.into());
        within("room for a message", sent).await.expect("the publisher is connected");
        self.sent += 1;
    }

    /// Hands one message of QoS 0 over, which the broker does not acknowledge.
    pub async fn unassured(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        let sent = self.client.publish(topic, QoS::AtMostOnce, false, payload.into());
        within("room for a message", sent).await.expect("the publisher is connected");
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

    /// Waits until the broker has acknowledged all that was sent, or has ended the connection for it.
    pub async fn gone_or_settled(&mut self) {
        let sent = self.sent;
        let settled = self.progress.wait_for(|progress| progress.acknowledged >= sent || progress.ended);
        within("the broker's judgement", settled).await.expect("it reports");
    }
}

async fn drive(mut connection: EventLoop, report: watch::Sender<Progress>) {
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => report.send_modify(|progress| progress.connected = true),
            Ok(Event::Incoming(Packet::PubAck(_))) => report.send_modify(|progress| progress.acknowledged += 1),
            Ok(_) => {}
            Err(_) => return report.send_modify(|progress| progress.ended = true),
        }
    }
}
