//! Tests of `http::h2_stream`.

use std::future::poll_fn;
use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_stream_that_is_cut_ends_its_body_behind_what_was_taken() {
    let (mut pipe, mut body) = pipe();
    assert_eq!(pipe.write_vectored(&[IoSlice::new(b"event")]).unwrap(), 5);
    let first = poll_fn(|cx| body.poll(cx)).await;
    assert_eq!(first.as_deref(), Some(&b"event"[..]));
    let end = poll_fn(|cx| body.poll(cx));
    let cut = async { drop(pipe) };
    let ended = async { tokio::join!(end, cut).0 };
    let ended = tokio::time::timeout(Duration::from_secs(5), ended).await;
    assert_eq!(ended.expect("the end of the body"), None);
}
