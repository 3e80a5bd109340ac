//! Answers in many messages: those that stream, and lists in pages.

use std::mem;
use std::ops::ControlFlow;

use floodway_proto::admin::v1::{ListConnectionsResponse, ListGroupsResponse, ListTenantsResponse};
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

/// A page of a list.
pub(super) trait Page {
    fn next_page_token(&mut self) -> &mut String;

    /// Adds the page that follows.
    fn append(&mut self, next: Self);
}

macro_rules! page {
    ($answer:ty, $items:ident) => {
        impl Page for $answer {
            fn next_page_token(&mut self) -> &mut String {
                &mut self.next_page_token
            }

            fn append(&mut self, next: Self) {
                self.$items.extend(next.$items);
                self.next_page_token = next.next_page_token;
            }
        }
    };
}

page!(ListConnectionsResponse, connections);
page!(ListGroupsResponse, groups);
page!(ListTenantsResponse, tenants);

/// The first page of a list, or all pages as one. `ask` takes the size of a page, and the token of the one that is next.
pub(super) async fn pages<P: Page>(
    all: bool,
    mut ask: impl AsyncFnMut(i32, String) -> Result<Response<P>, Status>,
) -> Result<Response<P>, Status> {
    let size = if all { PAGE } else { 0 };
    let mut whole = ask(size, String::new()).await?;
    while all && !whole.get_mut().next_page_token().is_empty() {
        let token = mem::take(whole.get_mut().next_page_token());
        whole.get_mut().append(ask(size, token).await?.into_inner());
    }
    Ok(whole)
}
