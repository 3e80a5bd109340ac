//! Answers in many messages: those that stream, and lists in pages.

use std::mem;
use std::ops::ControlFlow;

use prost_reflect::prost::Message;
use tonic::{Response, Status, Streaming};

use super::failure::Failure;
use super::remote::Interrupted;

/// The largest page that a gateway gives.
const PAGE: i32 = 1000;

/// Shows the messages of a streaming answer, until `count` of those that count were shown, or stdout has no
/// reader any more.
pub(super) async fn follow<T>(
    mut answers: Streaming<T>,
    count: Option<u64>,
    counts: impl Fn(&T) -> bool,
    show: impl Fn(&T) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Interrupted> {
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let next = answers.message().await?.ok_or(Interrupted::Ended)?;
        left -= u64::from(counts(&next));
        if show(&next)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The first page of a list, or all pages as one: protobuf appends the lists of messages that are merged. `ask` takes the
/// size of a page, and the token of the one that is next; `token` is where an answer has that.
pub(super) async fn pages<P: Message>(
    all: bool,
    token: impl Fn(&mut P) -> &mut String,
    mut ask: impl AsyncFnMut(i32, String) -> Result<Response<P>, Status>,
) -> Result<Response<P>, Status> {
    let size = if all { PAGE } else { 0 };
    let mut whole = ask(size, String::new()).await?;
    while all && !token(whole.get_mut()).is_empty() {
        let next = ask(size, mem::take(token(whole.get_mut()))).await?;
        let page = next.get_ref().encode_to_vec();
        whole.get_mut().merge(page.as_slice()).expect("the same message on both sides");
    }
    Ok(whole)
}
