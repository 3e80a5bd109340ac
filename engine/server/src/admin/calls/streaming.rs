//! Calls that stream their answer.
//!
//! Invariants: at most [`STREAMS`] at once; each ends when its reader has gone, and when the gateway stops; an answer is
//! made only when there is room for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tonic::Status;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

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

/// Returns when `stop` is true, or when nothing is left that could set it.
pub(in crate::admin) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}

/// Starts streams of answers.
pub(super) struct Streaming {
    permits: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Streaming {
    /// Streams end when `stop` turns true.
    pub(super) fn new(stop: watch::Receiver<bool>) -> Self {
        Self { permits: Arc::new(Semaphore::new(STREAMS)), stop }
    }

    /// The right to one stream, taken before anything is done for it.
    pub(super) fn permit(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_| Status::resource_exhausted(format!("{STREAMS} calls are streaming already")))
    }

    /// A stream of what `answer` sends. It ends with the status that `answer` returns, and gives back its permit then.
    pub(super) fn start<T, F>(
        &self,
        permit: OwnedSemaphorePermit,
        answer: impl FnOnce(ResponseSender<T>) -> F,
    ) -> BoxStream<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<Status, Gone>> + Send + 'static,
    {
        let (sender, responses) = mpsc::channel(1);
        let answering = answer(sender.clone());
        let mut stop = self.stop.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                () = stopped(&mut stop) => Ok(Status::unavailable("the gateway stops")),
                end = parts::guarded("call", answering) => {
                    end.unwrap_or_else(|_| Ok(Status::internal("the gateway failed; its log tells where")))
                }
                () = sender.closed() => Err(Gone),
            };
            if let Ok(end) = end {
                // The reader may go meanwhile.
                let _ = sender.send(Err(end)).await;
            }
            drop(permit);
        });
        Box::pin(ReceiverStream::new(responses))
    }
}
