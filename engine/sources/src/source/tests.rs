//! A source in memory that does what a test says, behind the same seam as any other.

use std::collections::BTreeMap;

use tokio::time::timeout;

use super::*;
use crate::router::{RawMessage, Topics};
use floodway_core::event;
use floodway_core::inbox::{Inbox, Item};
use floodway_core::index::{AuditKind, ConnectionPermit, Index, Limits, SourceChange, SourceNumber, Upstream, Watcher};
use floodway_protocol::names::TenantId;

/// For what happens in milliseconds on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(20);

const ENDPOINT: &str = "memory://script";

/// What the source does next.
enum Step {
    Connect,
    Open,
    Lose(&'static str),
    Confirm(&'static str),
    Refuse(&'static str, &'static str),
    Publish(&'static str, &'static str),
    Panic,
}

/// A source without a protocol: it follows a script.
struct Scripted {
    script: mpsc::UnboundedReceiver<Step>,
    /// The names of tenants that it was asked for.
    asked: mpsc::UnboundedSender<String>,
    tenants: BTreeMap<String, TrackedTenant>,
    number: SourceNumber,
}

impl Scripted {
    async fn follow(&mut self, mut port: Port<'_>) {
        let mut stop = port.stop.clone();
        loop {
            port.router.wake_shards();
            tokio::select! {
                Some(tenant) = port.wanted.recv() => {
                    let name = tenant.id().to_string();
                    self.tenants.entry(name.clone()).or_insert_with(|| TrackedTenant::new(tenant, self.number));
                    self.asked.send(name).expect("the test listens");
                }
                Some(step) = self.script.recv() => self.take(step, &mut port).await,
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    async fn take(&mut self, step: Step, port: &mut Port<'_>) {
        match step {
            Step::Connect => port.status.connected(&ENDPOINT),
            Step::Open => port.status.opened(),
            Step::Lose(error) => {
                port.status.lost(&ENDPOINT, &error);
                port.lost(&self.run_ended()).await;
            }
            Step::Confirm(name) => {
                let tracked = self.tenants.get_mut(name).expect("it was asked for");
                port.confirm(tracked.confirmed()).await;
            }
            Step::Refuse(name, reason) => {
                let tracked = self.tenants.get_mut(name).expect("it was asked for");
                if let Some(tenant) = tracked.refused(reason) {
                    port.refuse(&tenant).await;
                }
            }
            Step::Publish(tenant, device) => {
                let topic = Topics::default().topic_of(tenant, device);
                let tracked = self.tenants.get_mut(tenant);
                if let Some(owed) = tracked.and_then(TrackedTenant::gap_before_event) {
                    port.router.upstream_gap(&owed).await;
                }
                let message = RawMessage::of(tenant, device, &topic, br#"{"metrics":{"t":1}}"#);
                port.router.publish(&message).await;
            }
            Step::Panic => panic!("as the script says"),
        }
    }
}

impl Source for Scripted {
    fn terms(&self) -> Terms {
        Terms {
            kind: "scripted",
            endpoints: vec![ENDPOINT.to_owned()],
            patience: DEADLINE,
            refuses_all: false,
            brings_all: false,
            is_numbered: false,
            has_usual_payloads: false,
            backoff_max: DEADLINE,
        }
    }

    fn run<'a>(&'a mut self, port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(self.follow(port))
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        let lost = self.tenants.values_mut().filter_map(|tracked| {
            let was_confirmed = *tracked.tenant().upstream().borrow() == Upstream::Confirmed;
            tracked.connection_lost(was_confirmed)
        });
        lost.collect()
    }
}

/// The test's end of a scripted source.
struct Script {
    steps: mpsc::UnboundedSender<Step>,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Script {
    fn new() -> (Self, Box<dyn Source>) {
        Self::numbered(0)
    }

    /// That of the source of this number.
    fn numbered(number: usize) -> (Self, Box<dyn Source>) {
        let (steps, script) = mpsc::unbounded_channel();
        let (sender, asked) = mpsc::unbounded_channel();
        let source = Scripted {
            script,
            asked: sender,
            tenants: BTreeMap::new(),
            number: SourceNumber::new(number),
        };
        (Self { steps, asked }, Box::new(source))
    }

    fn does(&self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.steps.send(step).expect("the source runs");
        }
    }

    async fn is_asked_for(&mut self) -> String {
        let asked = timeout(DEADLINE, self.asked.recv()).await;
        asked.expect("somebody asks").expect("the source runs")
    }
}

struct Bed {
    ingest: Ingest,
    index: Arc<Index>,
    inboxes: Arc<[Inbox]>,
    journal: Watcher,
}

impl Bed {
    fn start(sources: Vec<Box<dyn Source>>) -> Self {
        let index = Arc::new(Index::new(100, Limits { connections: 0, ..Limits::default() }));
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(64)]);
        let journal = index.journal().watch();
        let event = event::Config::default();
        let (tenants, into) = (Arc::clone(&index), Arc::clone(&inboxes));
        let ingest = Ingest::start(sources, event, tenants, into, None);
        Self { ingest: ingest.expect("a thread"), index, inboxes, journal }
    }

    fn permit(&self, tenant: &str) -> ConnectionPermit {
        let tenant = TenantId::parse(tenant).expect("a name");
        self.index.enter(&tenant).expect("a permit")
    }

    async fn confirmed(&self, permit: &ConnectionPermit) -> Result<(), Unavailable> {
        self.ingest.handle().confirmed(permit.tenant()).await
    }

    /// A subscriber on the shard, whose tenant the source was asked for and has confirmed.
    async fn subscriber(&self, tenant: &'static str, script: &mut Script) -> ConnectionPermit {
        let permit = self.permit(tenant);
        let granted = async {
            assert_eq!(script.is_asked_for().await, tenant);
            script.does([Step::Confirm(tenant)]);
        };
        let (confirmed, ()) = tokio::join!(self.confirmed(&permit), granted);
        assert_eq!(confirmed, Ok(()));
        permit.tenant().wake_filter().set(0, None, true);
        permit.tenant().declare(0);
        permit
    }

    async fn becomes(&self, state: SourceState) {
        let mut states = self.ingest.handle().states();
        let change = states.wait_for(|states| states.iter().max() == Some(&state));
        let change = timeout(DEADLINE, change).await;
        change.expect("the state changes").expect("ingest runs");
    }

    /// What the shard finds in its inbox next, in words.
    async fn next(&self) -> String {
        match self.next_item().await {
            Item::Event(event, _) => format!("{}/{}", event.tenant(), event.device()),
            Item::UpstreamGap(tenant, _) => format!("gap {}", tenant.id()),
            Item::Upstream(source, _) => {
                let state = format!("{:?}", source.state).to_lowercase();
                format!("{state} {}", source.tenant.id())
            }
        }
    }

    async fn next_item(&self) -> Item {
        let inbox = &self.inboxes[0];
        let next = async {
            loop {
                if let Some(item) = inbox.take() {
                    return item;
                }
                inbox.filled().await;
            }
        };
        timeout(DEADLINE, next).await.expect("something comes")
    }

    async fn noted(&mut self) -> (String, SourceChange) {
        let noted = timeout(DEADLINE, self.journal.next()).await;
        let Ok(event) = noted.expect("something is noted") else {
            panic!("nothing is missed");
        };
        let AuditKind::Source { kind, endpoint, change } = event.what else {
            panic!("nothing but the source does anything");
        };
        (format!("{kind} {endpoint}"), change)
    }
}

const UP: [Step; 2] = [Step::Connect, Step::Open];

#[tokio::test]
async fn a_source_comes_and_its_messages_reach_the_inbox_as_events() {
    let (mut script, source) = Script::new();
    let mut bed = Bed::start(vec![source]);
    let permit = bed.permit("T");
    let starts = async {
        script.does([Step::Connect]);
        bed.becomes(SourceState::Reading).await;
        script.does([Step::Open]);
        assert_eq!(script.is_asked_for().await, "T");
        script.does([Step::Confirm("T")]);
    };
    let (confirmed, ()) = tokio::join!(bed.confirmed(&permit), starts);
    assert_eq!(confirmed, Ok(()), "who comes before the first attempt has ended waits for it");
    let who = "scripted memory://script".to_owned();
    assert_eq!(bed.noted().await, (who, SourceChange::Up));
    permit.tenant().wake_filter().set(0, None, true);
    permit.tenant().declare(0);
    script.does([Step::Publish("T", "A"), Step::Publish("T", "B")]);
    assert_eq!(bed.next().await, "T/A");
    assert_eq!(bed.next().await, "T/B");
    let counts = bed.ingest.handle().metrics();
    assert_eq!((counts.received, counts.accepted), (2, 2));
    bed.ingest.stop();
}

#[tokio::test]
async fn a_loss_is_reported_and_owes_each_confirmed_tenant_one_gap() {
    let (mut script, source) = Script::new();
    let mut bed = Bed::start(vec![source]);
    script.does(UP);
    bed.becomes(SourceState::Open).await;
    let t = bed.subscriber("T", &mut script).await;
    let _u = bed.subscriber("U", &mut script).await;
    let before = SystemTime::now();
    script.does([Step::Lose("the script says so")]);
    bed.becomes(SourceState::Away).await;
    let Item::Upstream(down, _) = bed.next_item().await else {
        panic!("the loss is not the first to be reported");
    };
    assert_eq!(down.state, Notice::Down);
    assert!(Arc::ptr_eq(&down.tenant, t.tenant()));
    assert!((before..=SystemTime::now()).contains(&down.since));
    assert_eq!(bed.next().await, "down U");
    assert_eq!(bed.confirmed(&t).await, Err(Unavailable::NoSource));
    let error = Some("the script says so".to_owned());
    for change in [SourceChange::Up, SourceChange::Down { error }] {
        assert_eq!(bed.noted().await.1, change);
    }
    let report = bed.ingest.handle().report();
    assert_eq!((report.kind, report.endpoint), ("scripted", None));
    let failure = report.last_failure.expect("it was lost");
    assert_eq!((failure.endpoint.as_str(), failure.error.as_str()), (ENDPOINT, "the script says so"));
    script.does(UP);
    // An event of `U` comes before its confirmation: its gap comes before the event, and only once.
    script.does([
        Step::Confirm("T"),
        Step::Publish("T", "A"),
        Step::Publish("U", "B"),
        Step::Confirm("U"),
        Step::Publish("U", "C"),
    ]);
    for expected in ["gap T", "up T", "T/A", "gap U", "U/B", "up U", "U/C"] {
        assert_eq!(bed.next().await, expected);
    }
    assert_eq!(bed.noted().await.1, SourceChange::Up);
    assert_eq!(bed.ingest.handle().metrics().reconnects, 1);
}

#[tokio::test]
async fn a_refusal_reaches_who_waits_and_who_listens_and_so_does_its_end() {
    let (mut script, source) = Script::new();
    let bed = Bed::start(vec![source]);
    script.does(UP);
    bed.becomes(SourceState::Open).await;
    let permit = bed.permit("STRANGER");
    let refuses = async {
        assert_eq!(script.is_asked_for().await, "STRANGER");
        script.does([Step::Refuse("STRANGER", "not authorized")]);
    };
    let (confirmed, ()) = tokio::join!(bed.confirmed(&permit), refuses);
    assert_eq!(confirmed, Err(Unavailable::Refused));
    let reason = permit.tenant().refusal().expect("a reason");
    assert_eq!(*reason, "not authorized");
    let _subscriber = bed.subscriber("T", &mut script).await;
    script.does([Step::Refuse("T", "no more"), Step::Refuse("T", "no more")]);
    script.does([Step::Confirm("T"), Step::Publish("T", "A")]);
    for expected in ["gap T", "refused T", "gap T", "up T", "T/A"] {
        assert_eq!(bed.next().await, expected, "each once");
    }
}

#[tokio::test]
async fn after_a_panic_sources_run_again_and_what_was_confirmed_is_owed_a_gap() {
    let (mut script, source) = Script::new();
    let bed = Bed::start(vec![source]);
    script.does(UP);
    bed.becomes(SourceState::Open).await;
    let _subscriber = bed.subscriber("T", &mut script).await;
    script.does([Step::Panic]);
    bed.becomes(SourceState::Away).await;
    assert_eq!(bed.next().await, "down T");
    script.does(UP);
    script.does([Step::Confirm("T"), Step::Publish("T", "A")]);
    for expected in ["gap T", "up T", "T/A"] {
        assert_eq!(bed.next().await, expected);
    }
}

#[tokio::test]
async fn one_outage_is_reported_once_and_only_to_whom_it_concerns() {
    let (mut script, source) = Script::new();
    let bed = Bed::start(vec![source]);
    script.does(UP);
    bed.becomes(SourceState::Open).await;
    let _t = bed.subscriber("T", &mut script).await;
    let unheard = bed.permit("U");
    let never = bed.permit("V");
    let granted = async {
        script.is_asked_for().await;
        script.does([Step::Confirm("U")]);
    };
    let (confirmed, ()) = tokio::join!(bed.confirmed(&unheard), granted);
    assert_eq!(confirmed, Ok(()));
    bed.ingest.handle().sources[0].wanted.try_send(Arc::clone(never.tenant())).unwrap();
    assert_eq!(script.is_asked_for().await, "V");
    never.tenant().declare(0);
    for _ in 0..2 {
        script.does([Step::Lose("cut")]);
        script.does(UP);
    }
    script.does([Step::Publish("T", "A")]);
    for expected in ["down T", "gap T", "T/A"] {
        assert_eq!(bed.next().await, expected);
    }
    unheard.tenant().declare(0);
    // A refusal is another state of the same outage.
    script.does([Step::Confirm("U"), Step::Confirm("V"), Step::Refuse("T", "no more"), Step::Confirm("T")]);
    script.does([Step::Lose("cut")]);
    for expected in ["gap U", "gap V", "gap T", "refused T", "gap T", "up T", "down T", "down U", "down V"] {
        assert_eq!(bed.next().await, expected);
    }
}

#[tokio::test]
async fn of_several_sources_one_that_is_up_is_enough() {
    let ((mut first, one), (second, other)) = (Script::numbered(0), Script::numbered(1));
    let bed = Bed::start(vec![one, other]);
    first.does(UP);
    second.does([Step::Connect]);
    bed.becomes(SourceState::Open).await;
    let _subscriber = bed.subscriber("T", &mut first).await;
    first.does([Step::Publish("T", "A")]);
    assert_eq!(bed.next().await, "T/A");
    assert_eq!(bed.ingest.handle().report().endpoint.as_deref(), Some(ENDPOINT));
    second.does([Step::Lose("cut")]);
    first.does([Step::Lose("cut")]);
    bed.becomes(SourceState::Away).await;
    assert!(!bed.ingest.handle().is_connected());
}
