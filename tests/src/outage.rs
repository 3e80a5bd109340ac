//! What live streams get of an outage of the source.

use serde_json::{Value, json};

use crate::sse::Sse;
use crate::ws::Ws;

/// The gap where the source was away.
pub fn upstream_gap() -> Value {
    json!({"type": "gap", "reason": "upstream", "dropped": null})
}

/// Fails unless `notice` says that the source is in this state, and since when. Returns that time.
fn since(notice: &Value, state: &str) -> String {
    let since = notice["since"].as_str().unwrap_or_default().to_owned();
    assert_eq!(*notice, json!({"type": "upstream", "state": state, "since": since}));
    let shape: String = since.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{notice}");
    since
}

impl Ws {
    /// Reads one message that must say that the source is in this state. Returns since when.
    pub async fn expect_upstream(&mut self, state: &str) -> String {
        since(&self.next().await, state)
    }

    /// Reads that the source was lost and is back, with the gap.
    pub async fn expect_outage(&mut self) {
        let down = self.expect_upstream("down").await;
        self.expect_json(upstream_gap()).await;
        assert!(down <= self.expect_upstream("up").await);
    }
}

impl Sse {
    /// Reads one message that must say that the source is in this state. Returns since when.
    pub async fn expect_upstream(&mut self, state: &str) -> String {
        since(&self.expect_named("upstream").await, state)
    }

    /// Reads that the source was lost and is back, with the gap.
    pub async fn expect_outage(&mut self) {
        let down = self.expect_upstream("down").await;
        assert_eq!(self.expect_named("gap").await, upstream_gap());
        assert!(down <= self.expect_upstream("up").await);
    }
}
