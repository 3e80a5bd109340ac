//! A store that does what a test says, beside a source that says when it runs.

use std::future::pending;
use std::pin::Pin;

use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::control::stores::Asked;
use crate::control::stores::test_kit::{Gateway, group, of, tenant};
use crate::control::{self, SyncState, WriteError};
use crate::source::{Port, Source, Terms};
use floodway_core::index::{Index, Limits, Tenant};

/// For what happens in milliseconds on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(20);

/// What becomes of one call; the test answers each.
type Answer = oneshot::Sender<Result<Vec<(String, Vec<u8>)>, StoreError>>;

struct Scripted(mpsc::UnboundedSender<(String, Answer)>);

impl Scripted {
    fn ask<T: 'static>(&self, call: String, take: fn(Vec<(String, Vec<u8>)>) -> T) -> Asked<'static, T> {
        let (answer, answered) = oneshot::channel();
        // A test that has ended answers nothing.
        let _ = self.0.send((call, answer));
        Box::pin(async move {
            match answered.await {
                Ok(result) => result.map(take),
                Err(_) => pending().await,
            }
        })
    }
}

impl KeyedStore for Scripted {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn bound(&self) -> (usize, &'static str) {
        (1 << 20, "the script")
    }

    fn connect(&mut self) -> Asked<'_, ()> {
        self.ask("connect".to_owned(), |_| ())
    }

    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>> {
        self.ask("list".to_owned(), |all| all)
    }

    fn put<'a>(&'a mut self, key: &'a str, _: &'a [u8], _: Option<Duration>) -> Asked<'a, ()> {
        self.ask(format!("put {key}"), |_| ())
    }

    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()> {
        self.ask(format!("delete {key}"), |_| ())
    }

    fn changes(&mut self) -> Asked<'_, Vec<Change>> {
        Box::pin(pending())
    }
}

/// A source that says when it runs.
struct Told(mpsc::UnboundedSender<()>);

impl Source for Told {
    fn terms(&self) -> Terms {
        Terms {
            kind: "told",
            endpoints: Vec::new(),
            patience: DEADLINE,
            refuses_all: false,
            brings_all: false,
            is_numbered: false,
            has_usual_payloads: false,
            backoff_max: DEADLINE,
        }
    }

    fn run<'a>(&'a mut self, mut port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        self.0.send(()).expect("the test listens");
        Box::pin(async move {
            let _ = port.stop.wait_for(|&stop| stop).await;
        })
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        Vec::new()
    }
}

struct Bed {
    gateway: Gateway,
    calls: mpsc::UnboundedReceiver<(String, Answer)>,
    runs: mpsc::UnboundedReceiver<()>,
}

fn bed() -> Bed {
    let config = Config { write_timeout: Duration::from_secs(5), ..Config::default() };
    let index = Arc::new(Index::new(10, Limits::default()));
    let (control, follower) = control::new(&config, "N", Arc::clone(&index));
    let ((calls, called), (ran, runs)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let keeper = Keeper::new(Box::new(Scripted(calls)), &config, follower);
    let gateway = of((control, index), (vec![Box::new(Told(ran))], Some(keeper)));
    Bed { gateway, calls: called, runs }
}

impl Bed {
    /// The next call is this one.
    async fn is_asked(&mut self, call: &str) -> Answer {
        let asked = timeout(DEADLINE, self.calls.recv()).await;
        let (asked, answer) = asked.expect("it is asked for something").expect("the keeper runs");
        assert_eq!(asked, call);
        answer
    }

    async fn answers(&mut self, call: &str, with: Result<&[(&str, &str)], StoreError>) {
        let answer = self.is_asked(call).await;
        let owned = |all: &[(&str, &str)]| {
            all.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
        };
        answer.send(with.map(owned)).expect("the keeper waits");
    }

    async fn source_runs(&mut self) {
        timeout(DEADLINE, self.runs.recv()).await.expect("it runs").expect("the source is there");
    }

    async fn is_read(&mut self, all: &[(&str, &str)]) {
        self.answers("connect", Ok(&[])).await;
        self.answers("list", Ok(all)).await;
        self.answers("put ids/reserved", Ok(&[])).await;
        self.gateway.follows().await;
    }
}

fn lost() -> StoreError {
    StoreError::Lost("the script says so".to_owned())
}

#[tokio::test]
async fn no_source_runs_before_the_documents_were_read() {
    let mut bed = bed();
    bed.answers("connect", Ok(&[])).await;
    let listed = bed.is_asked("list").await;
    assert!(bed.runs.try_recv().is_err());
    let all = vec![("groups/T/G".to_owned(), br#"{"devices":["A"]}"#.to_vec())];
    listed.send(Ok(all)).expect("the keeper waits");
    let reserved = bed.is_asked("put ids/reserved").await;
    assert!(bed.runs.try_recv().is_err(), "no event could be given an id");
    reserved.send(Ok(Vec::new())).expect("the keeper waits");
    bed.source_runs().await;
    assert_eq!(bed.gateway.members("G"), ["A"]);
}

#[tokio::test]
async fn a_store_that_is_not_to_be_had_holds_no_source_up() {
    let mut bed = bed();
    bed.answers("connect", Err(lost())).await;
    bed.source_runs().await;
    // On a slow machine the reason may be the next attempt's, which nobody answers.
    let is_away = |state| matches!(state, SyncState::Partial(why) if why.contains("the control store is away: "));
    assert!(is_away(bed.gateway.control.sync_state()));
    // It is asked again, and one that does not answer counts as one that is away.
    drop(bed.is_asked("connect").await);
    bed.is_read(&[("limits/default", r#"{"queue_size":3}"#)]).await;
    assert!(bed.gateway.control.limits(None).is_some());
}

#[tokio::test]
async fn a_source_that_connects_while_the_store_is_away_has_it_tried_at_once_and_waits() {
    let mut bed = bed();
    bed.answers("connect", Err(lost())).await;
    bed.source_runs().await;
    // However long its pauses would have become.
    for _ in 0..30 {
        let control = bed.gateway.control.clone();
        let mut waits = tokio::spawn(async move { control.settled().await });
        loop {
            tokio::select! {
                done = &mut waits => break done.expect("no panic"),
                // Where the machine is slow, an attempt may have been given up.
                answer = bed.is_asked("connect") => { let _ = answer.send(Err(lost())); }
            }
        }
    }
}

#[tokio::test]
async fn what_the_store_refuses_is_told_and_a_loss_fails_what_was_under_way() {
    let mut bed = bed();
    bed.is_read(&[]).await;
    let writes = |bed: &Bed| {
        let control = bed.gateway.control.clone();
        tokio::spawn(async move { control.put_group(&tenant("T"), &group("G"), ["A"]).await })
    };
    let write = writes(&bed);
    let no = StoreError::Refused("no permission".to_owned());
    bed.answers("put groups/T/G", Err(no)).await;
    let refused = write.await.expect("no panic");
    assert_eq!(refused, Err(WriteError::Refused("no permission".to_owned())));
    assert_eq!(bed.gateway.members("G"), [""; 0]);

    let write = writes(&bed);
    bed.answers("put groups/T/G", Err(lost())).await;
    let failed = write.await.expect("no panic").expect_err("it is lost").to_string();
    assert!(failed.contains("may take effect"), "{failed}");
    bed.answers("connect", Ok(&[])).await;
    bed.answers("list", Ok(&[("groups/T/G", r#"{"devices":["A"]}"#)])).await;
    bed.answers("put ids/reserved", Ok(&[])).await;
    bed.gateway.follows().await;
    assert_eq!(bed.gateway.members("G"), ["A"], "it had taken effect");
}
