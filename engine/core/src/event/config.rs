//! Bounds of one event.

/// The bounds of a device's message. A message beyond one is dropped, and counted by its reason.
#[derive(Clone, Debug)]
pub struct Config {
    /// `event.payload_bytes`: Default 128 KiB. Each held event costs about three times its size.
    pub payload_bytes: usize,
    /// `event.depth`: objects and arrays inside one another, the payload's own braces included. Default 32.
    pub depth: usize,
    /// `event.metrics`: metrics of one event. Default 1,024.
    pub metrics: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { payload_bytes: 128 * 1024, depth: 32, metrics: 1024 }
    }
}
