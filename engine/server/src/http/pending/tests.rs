//! Tests of `http::pending`.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn the_oldest_that_is_not_busy_makes_room() {
    let pending = Pending::new(2);
    let (first, second) = (pending.admit().await, pending.admit().await);
    let answering = first.busy();
    let cut = async {
        second.unwanted().await;
        drop(second);
    };
    let third = async { tokio::join!(pending.admit(), cut).0 };
    let third = timeout(Duration::from_secs(20), third).await.expect("room");
    drop(answering);
    let cut = async {
        first.unwanted().await;
        drop(first);
    };
    let fourth = async { tokio::join!(pending.admit(), cut).0 };
    let fourth = timeout(Duration::from_secs(20), fourth).await.expect("room");
    assert!(!third.is_busy() && !fourth.is_busy());
}

#[tokio::test]
async fn a_connection_that_carries_streams_needs_no_permit() {
    let pending = Pending::new(1);
    let first = pending.admit().await;
    first.release_permit();
    timeout(Duration::from_secs(20), pending.admit()).await.expect("a permit");
}
