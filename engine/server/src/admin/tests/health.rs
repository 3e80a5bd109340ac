//! What watchers of the gateway's health get while it drains. The shard of these tests answers when the test says so, to
//! show what comes before and after its answer.

use std::rc::Rc;

use floodway_proto::admin::v1::admin_client::AdminClient;
use floodway_proto::admin::v1::{CancelDrainRequest, DrainRequest};
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::timeout;
use tonic::Streaming;
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, Serving};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::*;
use floodway_core::inbox::Inbox;
use floodway_core::shard::{self, Answering, Drain, NoRefresh, Shard, TimeSource, answering};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

const AT_ONCE: Drain = Drain { within: Duration::ZERO, pause: Duration::ZERO };

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect(what)
}

struct Bed {
    private: Private,
    admin: AdminClient<Channel>,
    health: Streaming<HealthCheckResponse>,
    shard: Rc<Shard>,
}

impl Bed {
    /// A gateway of one shard that runs, and does not answer before somebody serves the second value.
    async fn new() -> (Self, Answering) {
        let inboxes = [Inbox::new(1)].into();
        let (config, tokens) = (shard::Config::default(), Arc::new(NoRefresh));
        let shard = Shard::new(0, &config, inboxes, Arc::default(), tokens, TimeSource::MACHINE);
        let shard = shard.expect("an event queue");
        let (handle, asked) = answering();
        let running = Rc::clone(&shard);
        spawn_local(async move { running.run().await });
        let private = Private::with_shards(None, [handle]).await;
        let mut health = HealthClient::new(private.channel().await);
        let watched = health.watch(HealthCheckRequest::default()).await;
        let bed = Self {
            admin: AdminClient::new(private.channel().await),
            health: watched.expect("a stream").into_inner(),
            private,
            shard,
        };
        (bed, asked)
    }

    fn answer(&self, asked: Answering) {
        let shard = Rc::clone(&self.shard);
        spawn_local(async move { shard.answer(asked).await });
    }

    async fn reported(&mut self) -> ServingStatus {
        let reported = within("a report of the health", self.health.message()).await;
        reported.expect("no error").expect("no end").status()
    }
}

async fn on_one_thread(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn not_serving_comes_before_the_drain_reaches_a_stream_and_serving_after_it() {
    on_one_thread(async {
        let (mut bed, asked) = Bed::new().await;
        assert_eq!(bed.reported().await, Serving);
        let mut admin = bed.admin.clone();
        let drained = spawn_local(async move { admin.drain(DrainRequest::default()).await });
        assert_eq!(bed.reported().await, NotServing, "no shard drains yet");
        assert!(!drained.is_finished());
        bed.answer(asked);
        let drained = within("the drain begins", drained).await.expect("no panic");
        drained.expect("a drain");
        let cancelled = bed.admin.cancel_drain(CancelDrainRequest {}).await;
        assert!(cancelled.expect("called off").into_inner().drain.is_some());
        assert_eq!(bed.reported().await, Serving);
        assert!(!bed.private.index.is_draining());
        bed.private.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_for_is_done_even_if_who_asked_is_gone() {
    on_one_thread(async {
        let (mut bed, asked) = Bed::new().await;
        assert_eq!(bed.reported().await, Serving);
        let health = bed.private.admin.health.clone();
        let (one, two) = (health.clone(), health);
        let begun = spawn_local(async move { one.drain(AT_ONCE).await });
        assert_eq!(bed.reported().await, NotServing);
        let cancelling = spawn_local(async move { two.cancel_drain().await });
        yield_now().await;
        for caller in [begun.abort_handle(), cancelling.abort_handle()] {
            caller.abort();
        }
        assert!(within("who asked is gone", cancelling).await.is_err());
        bed.answer(asked);
        assert_eq!(bed.reported().await, Serving);
        assert!(!bed.private.index.is_draining());
        bed.private.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_stops_is_not_said_to_serve_by_who_called_a_drain_off() {
    on_one_thread(async {
        let (mut bed, asked) = Bed::new().await;
        assert_eq!(bed.reported().await, Serving);
        let streams = bed.private.observer.streams.clone();
        let health = bed.private.admin.health.clone();
        // Called off, and stopped, before the shard has answered the first time.
        let (one, two, three) = (health.clone(), health.clone(), health);
        let begun = spawn_local(async move { one.drain(AT_ONCE).await });
        assert_eq!(bed.reported().await, NotServing);
        let cancelled = spawn_local(async move { two.cancel_drain().await });
        yield_now().await;
        let stopped = spawn_local(async move { three.begin_last_drain().await });
        yield_now().await;
        bed.answer(asked);
        within("the drain begins", begun).await.expect("no panic");
        assert!(within("it is called off", cancelled).await.expect("no panic"));
        within("the last one begins", stopped).await.expect("no panic");
        let mut last = bed.reported().await;
        while last == Serving {
            last = bed.reported().await;
        }
        assert_eq!(last, NotServing);
        let progress = streams.drain_progress().await.expect("a drain");
        assert!(progress.is_last);
        let mut health = HealthClient::new(bed.private.channel().await);
        let asked = health.check(HealthCheckRequest::default()).await;
        assert_eq!(asked.expect("an answer").into_inner().status(), NotServing);
        bed.private.stop().await;
    })
    .await;
}
