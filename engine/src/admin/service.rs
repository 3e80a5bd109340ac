//! The calls of `floodway.admin.v1.Admin`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use floodway_proto::admin::v1::admin_server;
use floodway_proto::admin::v1::{
    GetStatusRequest, GetStatusResponse, WatchStatusRequest, WatchStatusResponse,
};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::listener::until;
use super::observer::Observer;

/// Between two answers of `WatchStatus`, if the client does not say.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Answers the calls.
pub(super) struct Service {
    observer: Observer,
    stopped: watch::Receiver<bool>,
}

impl Service {
    /// Streams of answers end when `stopped` turns true.
    pub(super) fn new(observer: Observer, stopped: watch::Receiver<bool>) -> Self {
        Self { observer, stopped }
    }
}

#[tonic::async_trait]
impl admin_server::Admin for Service {
    type WatchStatusStream = BoxStream<WatchStatusResponse>;

    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        Ok(Response::new(GetStatusResponse {
            status: Some(self.observer.status().into()),
        }))
    }

    async fn watch_status(
        &self,
        request: Request<WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let period = period(request.into_inner().interval)?;
        let watching = Watching::new(self.observer.clone(), period, self.stopped.clone());
        Ok(Response::new(Box::pin(watching)))
    }
}

fn period(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let Some(asked) = asked else {
        return Ok(INTERVAL);
    };
    let bounds = INTERVAL_MIN..=INTERVAL_MAX;
    let period = Duration::try_from(asked).ok();
    period
        .filter(|period| bounds.contains(period))
        .ok_or_else(|| {
            let (min, max) = (INTERVAL_MIN, INTERVAL_MAX);
            Status::invalid_argument(format!(
                "interval: must be from {min:?} to {max:?}, is {asked}"
            ))
        })
}

/// A status at once, and at each interval another. It is made when the connection has room for it, so a slow reader
/// costs nothing, and gets the newest.
struct Watching {
    observer: Observer,
    ticks: Interval,
    /// None when the end has been told.
    stopped: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Watching {
    fn new(observer: Observer, period: Duration, mut stopped: watch::Receiver<bool>) -> Self {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = async move { until(&mut stopped).await };
        Self {
            observer,
            ticks,
            stopped: Some(Box::pin(stopped)),
        }
    }
}

impl Stream for Watching {
    type Item = Result<WatchStatusResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stopped) = &mut self.stopped else {
            return Poll::Ready(None);
        };
        if stopped.as_mut().poll(cx).is_ready() {
            self.stopped = None;
            return Poll::Ready(Some(Err(Status::unavailable("the gateway stops"))));
        }
        ready!(self.ticks.poll_tick(cx));
        Poll::Ready(Some(Ok(WatchStatusResponse {
            status: Some(self.observer.status().into()),
        })))
    }
}
