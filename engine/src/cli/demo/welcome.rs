//! What a demo tells its user first: where things are, and lines to copy.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

/// Where streams are.
const STREAM: &str = "/api/v1/customer/telemetry/stream";

pub(super) struct Welcome<'a> {
    pub(super) gateway: SocketAddr,
    /// The private listener.
    pub(super) admin: SocketAddr,
    pub(super) admin_tls: bool,
    /// Where the gateway would have listened, had nobody been there.
    pub(super) in_use: Option<String>,
    pub(super) broker_v4: SocketAddr,
    pub(super) broker_v5: SocketAddr,
    pub(super) devices: usize,
    pub(super) tenants: &'a [&'a str],
    /// For the first tenant.
    pub(super) token: &'a str,
    pub(super) expires_at: SystemTime,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what_runs(f)?;
        let Self { gateway, token, .. } = self;
        let (tenant, web_socket) = (
            self.tenants[0],
            format!("ws://{gateway}{STREAM}?token={token}"),
        );
        let (host, port) = (self.broker_v4.ip(), self.broker_v4.port());
        step(
            f,
            &format!("Watch {tenant}'s events as server-sent events:"),
            &format!(r#"curl -N -H "Authorization: Bearer {token}" http://{gateway}{STREAM}/sse"#),
        )?;
        step(
            f,
            "The same over a WebSocket:",
            &format!(r#"websocat "{web_socket}""#),
        )?;
        step(
            f,
            "The same from Python (pip install websockets):",
            &format!(
                r#"python3 -c "from websockets.sync.client import connect
for message in connect('{web_socket}'):
    print(message, flush=True)""#
            ),
        )?;
        step(
            f,
            &format!(
                "Be a device of {tenant} yourself, and see its event arrive in the streams above:"
            ),
            &format!(
                r#"mosquitto_pub -h {host} -p {port} -t tenant/{tenant}/device/my-device/telemetry -m '{{"ts":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","site_id":"HOME","provision_token":"any","metrics":{{"temperature":21.50}}}}'"#
            ),
        )
    }
}

impl Welcome<'_> {
    fn what_runs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "floodway {version} demo. Ctrl-C ends it.\n")?;
        write!(f, "  gateway   http://{}", self.gateway)?;
        match &self.in_use {
            Some(taken) => writeln!(f, " ({taken} is in use)")?,
            None => writeln!(f)?,
        }
        let scheme = if self.admin_tls { "https" } else { "http" };
        writeln!(f, "  admin     {scheme}://{} (gRPC, /metrics)", self.admin)?;
        writeln!(f, "  broker    mqtt://{} (MQTT 3.1.1)", self.broker_v4)?;
        writeln!(f, "            mqtt://{} (MQTT 5)", self.broker_v5)?;
        let tenants = self.tenants.join(" and ");
        writeln!(
            f,
            "  devices   {} simulated ones of the tenants {tenants}",
            self.devices
        )?;
        let until = humantime::format_rfc3339_seconds(self.expires_at);
        writeln!(
            f,
            "  token     for the tenant {}, valid until {until}:\n",
            self.tenants[0]
        )?;
        writeln!(f, "{}\n", self.token)
    }
}

/// The command stands at the beginning of its line, so that it can be copied whole.
fn step(f: &mut fmt::Formatter<'_>, what: &str, command: &str) -> fmt::Result {
    writeln!(f, "{what}\n\n{command}\n")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn welcome(in_use: Option<&str>) -> String {
        let address = |text: &str| text.parse().expect("an address");
        let welcome = Welcome {
            gateway: address("127.0.0.1:8080"),
            admin: address("127.0.0.1:9090"),
            admin_tls: false,
            in_use: in_use.map(str::to_owned),
            broker_v4: address("127.0.0.1:40001"),
            broker_v5: address("127.0.0.1:40002"),
            devices: 14,
            tenants: &["acme", "globex"],
            token: "a.b.c",
            expires_at: UNIX_EPOCH + Duration::from_secs(1_771_243_200),
        };
        welcome.to_string()
    }

    #[test]
    fn every_command_is_there_to_be_copied() {
        let text = welcome(None);
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "  gateway   http://127.0.0.1:8080",
            "  admin     http://127.0.0.1:9090 (gRPC, /metrics)",
            "  token     for the tenant acme, valid until 2026-02-16T12:00:00Z:",
            "a.b.c",
            r#"curl -N -H "Authorization: Bearer a.b.c" http://127.0.0.1:8080/api/v1/customer/telemetry/stream/sse"#,
            r#"websocat "ws://127.0.0.1:8080/api/v1/customer/telemetry/stream?token=a.b.c""#,
            r#"mosquitto_pub -h 127.0.0.1 -p 40001 -t tenant/acme/device/my-device/telemetry -m '{"ts":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","site_id":"HOME","provision_token":"any","metrics":{"temperature":21.50}}'"#,
        ] {
            assert!(lines.contains(&line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn an_address_in_use_is_told() {
        let text = welcome(Some("127.0.0.1:80"));
        assert!(
            text.contains("http://127.0.0.1:8080 (127.0.0.1:80 is in use)\n"),
            "{text}"
        );
    }
}
