//! What a demo prints first: the page to open, where things are, and lines to copy.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

/// Where streams are.
const STREAM: &str = "/api/v1/customer/telemetry/stream";

pub(super) struct Welcome<'a> {
    pub(super) gateway: SocketAddr,
    /// Whether the gateway serves the live page.
    pub(super) page: bool,
    /// The private listener.
    pub(super) admin: SocketAddr,
    pub(super) admin_tls: bool,
    /// The address that the gateway did not get, because another program has it.
    pub(super) in_use: Option<String>,
    pub(super) broker_v4: SocketAddr,
    pub(super) broker_v5: SocketAddr,
    pub(super) devices: usize,
    pub(super) tenants: &'a [&'a str],
    /// For the first tenant.
    pub(super) token: &'a str,
    pub(super) expires_at: SystemTime,
}

/// All of it, with the line that shows the demo at work, fits 24 lines of 80 characters, of which the page's address and the
/// token, which is in it, take four each. Each command is one line, so that it can be copied whole.
impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gateway, admin, broker_v4, broker_v5, devices, token, .. } = self;
        let version = env!("CARGO_PKG_VERSION");
        let in_use = self.in_use.as_ref();
        let in_use = in_use.map_or_else(String::new, |taken| format!(" ({taken} is in use)"));
        let scheme = if self.admin_tls { "https" } else { "http" };
        let (tenant, tenants) = (self.tenants[0], self.tenants.join(" and "));
        let until = humantime::format_rfc3339_seconds(self.expires_at);
        let (host, port) = (broker_v4.ip(), broker_v4.port());
        writeln!(f, "floodway {version} demo. Ctrl-C ends it.{in_use}\n")?;
        if self.page {
            // Behind the #, where no server and no log sees it.
            writeln!(f, "http://{gateway}/#token={token}\n")?;
        } else {
            writeln!(f, "  gateway   http://{gateway}")?;
        }
        write!(
            f,
            r#"  operator  {scheme}://{admin}/ (gRPC and JSON too; /metrics)
  broker    mqtt://{broker_v5} (MQTT 5), mqtt://{broker_v4} (3.1.1)
  devices   {devices} simulated ones of the tenants {tenants}

Or paste a token of {tenant}, valid until {until}, then a command:
TOKEN={token}
curl -N -H "Authorization: Bearer $TOKEN" http://{gateway}{STREAM}/sse
websocat "ws://{gateway}{STREAM}?token=$TOKEN"
Be a device of {tenant}, and see its event arrive:
mosquitto_pub -h {host} -p {port} -t tenant/{tenant}/device/my-device/telemetry -m '{{"metrics":{{"temperature":21.50}}}}'
"#
        )
    }
}

#[cfg(test)]
mod tests;
