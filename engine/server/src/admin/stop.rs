//! The order to stop, for every part of the private listener.

use tokio::sync::watch;

/// Returns when `stop` is true, or when nothing is left that could set it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}
