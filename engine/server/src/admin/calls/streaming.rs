//! Calls that stream their answer.
//!
//! Invariants: at most [`STREAMS`] at once; each ends when its reader has gone, and when the gateway stops; an answer is
//! made only when there is room for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tonic::Status;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::Stream;

use crate::admin::listener::until;
use floodway_core::parts;

/// Streams of answers at once.
const STREAMS: usize = 128;

/// Where a stream's answers go. Room for one.
pub(super) type ResponseSender<T> = mpsc::Sender<Result<T, Status>>;

/// The reader has gone.
#[derive(Debug)]
pub(super) struct Gone;

impl<T> From<mpsc::error::SendError<T>> for Gone {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

/// Starts streams of answers.
pub(super) struct Streaming {
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl Streaming {
    pub(super) fn new(stopped: watch::Receiver<bool>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(STREAMS)),
            stopped,
        }
    }

    /// A stream of what `tell` says. It ends with the status that `tell` returns.
    pub(super) fn start<T, F>(
        &self,
        tell: impl FnOnce(ResponseSender<T>) -> F,
    ) -> Result<BoxStream<T>, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<Status, Gone>> + Send + 'static,
    {
        Ok(self.start_at(self.seat()?, tell))
    }

    /// The right to one stream, for a call that has something to do before it begins.
    pub(super) fn seat(&self) -> Result<StreamPermit, Status> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(StreamPermit).map_err(|_| {
            Status::resource_exhausted(format!("{STREAMS} calls are streaming already"))
        })
    }

    /// As [`Streaming::start`], with a right that was taken before.
    pub(super) fn start_at<T, F>(
        &self,
        seat: StreamPermit,
        tell: impl FnOnce(ResponseSender<T>) -> F,
    ) -> BoxStream<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<Status, Gone>> + Send + 'static,
    {
        let (teller, answers) = mpsc::channel(1);
        let telling = tell(teller.clone());
        let mut stopped = self.stopped.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                () = until(&mut stopped) => Ok(Status::unavailable("the gateway stops")),
                end = parts::guarded("call", telling) => {
                    end.unwrap_or_else(|_| Ok(Status::internal("the gateway failed; its log tells where")))
                }
                () = teller.closed() => Err(Gone),
            };
            if let Ok(end) = end {
                // The reader may go meanwhile.
                let _ = teller.send(Err(end)).await;
            }
            drop(seat);
        });
        Box::pin(Answers(answers))
    }
}

/// One of the [`STREAMS`]. Its drop gives it back.
pub(super) struct StreamPermit(
    #[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit,
);

struct Answers<T>(mpsc::Receiver<Result<T, Status>>);

impl<T> Stream for Answers<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
