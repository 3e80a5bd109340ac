//! Limits on live streams.

/// How many live streams there may be.
#[derive(Clone, Debug)]
pub struct Config {
    /// `limits.connections_per_tenant`: WebSocket and SSE together, on this gateway. Default 10; 0 is none.
    pub connections_per_tenant: u32,
    /// `limits.connections`: of the whole gateway. Default 0: the open-files limit less what the gateway needs itself.
    pub connections: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_per_tenant: 10,
            connections: 0,
        }
    }
}
