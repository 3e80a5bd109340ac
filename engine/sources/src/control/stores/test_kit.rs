//! What every store owes a gateway, told once: the tests of each store run it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Change, KeyedStore};
use crate::control::{self, Age, Config, Control, Follower, Keeper, Status, SyncState, WriteError};
use crate::source::{Ingest, Source};
use floodway_core::event;
use floodway_core::index::{Index, Limits, OwnLimits};
use floodway_protocol::names::{GroupId, TenantId};

/// For what happens in milliseconds on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where gateways keep their documents.
pub(crate) trait Place {
    /// Who keeps them for this follower: a source, or a keeper beside the sources.
    fn keep(&self, config: &Config, index: Arc<Index>, follower: Follower) -> (Vec<Box<dyn Source>>, Option<Keeper>);
}

/// One that can go away, and come back with what it kept.
pub(crate) trait Fragile: Place {
    async fn goes(&mut self);
    async fn comes_back(&mut self);
}

/// A gateway as far as its documents go.
pub(crate) struct Gateway {
    pub(crate) control: Control,
    pub(crate) index: Arc<Index>,
    ingest: Ingest,
}

pub(crate) fn start(place: &impl Place, node: &str) -> Gateway {
    let config = Config { fleet: Duration::from_secs(1), ..Config::default() };
    let index = Arc::new(Index::new(100, Limits::default()));
    let (control, follower) = control::new(&config, node, Arc::clone(&index));
    let keepers = place.keep(&config, Arc::clone(&index), follower);
    of((control, index), keepers)
}

pub(crate) fn of(parts: (Control, Arc<Index>), keepers: (Vec<Box<dyn Source>>, Option<Keeper>)) -> Gateway {
    let ((control, index), (sources, keeper)) = (parts, keepers);
    let (event, tenants) = (event::Config::default(), Arc::clone(&index));
    let ingest = Ingest::start_with(sources, event, tenants, Arc::new([]), Some(control.clone()), keeper);
    Gateway { control, index, ingest: ingest.expect("a thread") }
}

/// One that has read everything.
pub(crate) async fn following(place: &impl Place, node: &str) -> Gateway {
    let gateway = start(place, node);
    gateway.follows().await;
    gateway
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a name")
}

pub(crate) fn group(name: &str) -> GroupId {
    GroupId::parse(name).expect("a name")
}

fn queue(size: usize) -> OwnLimits {
    OwnLimits { queue_size: size.try_into().ok(), ..OwnLimits::default() }
}

impl Gateway {
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Control) -> bool) {
        let looks = async {
            while !holds(&self.control) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let looked = timeout(DEADLINE, looks).await;
        assert!(looked.is_ok(), "{what}: {:?}", self.control);
    }

    pub(crate) async fn follows(&self) {
        self.until("it follows", |control| control.sync_state() == SyncState::Following).await;
    }

    pub(crate) async fn puts(&self, name: &str, members: &[&str]) {
        let put = self.control.put_group(&tenant("T"), &group(name), members.iter().copied()).await;
        put.expect("it is written");
        assert_eq!(self.members(name), members, "what was written is read at once");
    }

    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        let found = self.control.group(&tenant("T"), &group(name));
        found.iter().flat_map(|group| group.devices()).map(ToString::to_string).collect()
    }

    pub(crate) fn stop(self) {
        self.ingest.stop();
    }
}

pub(crate) async fn what_is_written_outlives_the_gateway(place: impl Place) {
    let first = following(&place, "A").await;
    assert_eq!(*first.control.documents(), control::Documents::default(), "it begins empty");
    let t = tenant("T");
    first.puts("G", &["A", "B"]).await;
    first.puts("GONE", &["C"]).await;
    first.control.set_limits(None, queue(7)).await.expect("written");
    first.control.set_limits(Some(&t), queue(8)).await.expect("written");
    first.control.set_limits(Some(&tenant("GONE")), queue(9)).await.expect("written");
    first.control.delete_group(&t, &group("GONE")).await.expect("deleted");
    first.control.clear_limits(Some(&tenant("GONE"))).await.expect("taken back");
    let again = first.control.delete_group(&t, &group("GONE")).await;
    assert_eq!(again, Err(WriteError::NotFound));
    let before = first.control.documents();
    first.stop();
    let second = following(&place, "B").await;
    assert_eq!(second.control.documents(), before);
    assert_eq!(second.members("G"), ["A", "B"]);
    assert_eq!(second.index.limits().own(Some(&t)), queue(8), "it has taken effect");
    assert_eq!(second.control.age(), Age::Current);
    second.stop();
}

pub(crate) async fn any_name_and_any_size_is_kept(place: impl Place) {
    let first = following(&place, "A").await;
    let long = "ü".repeat(128);
    for name in ["a b", "*", ">", "$x.y", "-=_", "\u{1f600}", "%2F", ".", "..", "\"'\\", &long] {
        first.puts(name, &[name]).await;
        first.control.set_limits(Some(&tenant(name)), queue(5)).await.expect("written");
    }
    let many: Vec<String> = (0..2000).map(|number| format!("device-{number:0>8}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    first.puts("many", &many).await;
    first.puts("none", &[]).await;
    let before = first.control.documents();
    first.stop();
    let second = following(&place, "B").await;
    assert_eq!(second.control.documents(), before);
    assert!(second.control.problems().is_empty(), "{:?}", second.control.problems());
    second.stop();
}

pub(crate) async fn ids_go_on_above_those_of_before(place: impl Place) {
    let first = following(&place, "A").await;
    // Ids are reserved before anything else is written.
    first.puts("G", &["A"]).await;
    // As far ahead as a clock that was set back would leave it.
    let ids = first.control.ids();
    ids.begin_after(event::now_micros() + 300_000_000);
    let last = ids.last();
    first.stop();
    let second = following(&place, "B").await;
    assert!(second.control.ids().last() > last);
    second.stop();
}

pub(crate) async fn what_one_gateway_writes_reaches_the_other(place: impl Place) {
    let (one, other) = (following(&place, "A").await, following(&place, "B").await);
    one.puts("G", &["A"]).await;
    other
        .until("the group is there", |control| control.group(&tenant("T"), &group("G")).is_some())
        .await;
    other.puts("G", &["B"]).await;
    one.until("it is the other's", |_| one.members("G") == ["B"]).await;
    one.control.delete_group(&tenant("T"), &group("G")).await.expect("deleted");
    other.until("it is gone", |_| other.members("G").is_empty()).await;
    other.control.set_limits(None, queue(9)).await.expect("written");
    one.until("limits come", |control| control.limits(None) == Some(queue(9))).await;
    one.stop();
    other.stop();
}

pub(crate) async fn of_many_writers_of_one_document_all_see_the_same_in_the_end(place: impl Place) {
    let (one, other) = (following(&place, "A").await, following(&place, "B").await);
    let writes = async |gateway: &Gateway, name: &'static str| {
        for number in 0..40 {
            let members = [format!("{name}-{number}")];
            let members = members.iter().map(String::as_str);
            gateway
                .control
                .put_group(&tenant("T"), &group("G"), members)
                .await
                .expect("it is written");
        }
    };
    tokio::join!(writes(&one, "A"), writes(&other, "B"));
    // What is written last comes last.
    one.puts("END", &["A"]).await;
    other.until("the end comes", |_| !other.members("END").is_empty()).await;
    other.puts("END", &["B"]).await;
    one.until("the other end comes", |_| one.members("END") == ["B"]).await;
    assert_eq!(one.members("G"), other.members("G"));
    one.stop();
    other.stop();
}

pub(crate) async fn gateways_know_each_other_while_they_are_there(place: impl Place) {
    let (one, other) = (following(&place, "A").await, following(&place, "B").await);
    for (gateway, name) in [(&one, "one"), (&other, "other")] {
        gateway.control.announce(Status { name: name.to_owned(), ..Status::default() });
    }
    let sees = |control: &Control, name: &str| control.fleet().iter().any(|member| member.status.name == name);
    one.until("it sees the other", |control| sees(control, "other")).await;
    other.until("and is seen", |control| sees(control, "one")).await;
    one.stop();
    other.until("it has said goodbye", |control| control.fleet().is_empty()).await;
    other.stop();
}

pub(crate) async fn a_store_that_is_away_holds_nobody_up_and_is_read_when_it_is_back(mut place: impl Fragile) {
    let gateway = following(&place, "A").await;
    gateway.puts("G", &["A"]).await;
    place.goes().await;
    gateway
        .until("the loss is seen", |control| control.sync_state() != SyncState::Following)
        .await;
    assert_eq!(gateway.members("G"), ["A"], "what was read holds");
    assert!(matches!(gateway.control.age(), Age::Since(_)));
    let refused = gateway.control.put_group(&tenant("T"), &group("H"), ["A"]).await;
    let Err(WriteError::Unavailable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("control store"), "{why}");
    let late = start(&place, "B");
    let refused = late.control.put_group(&tenant("T"), &group("H"), ["A"]).await;
    assert!(matches!(refused, Err(WriteError::Unavailable(_))), "{refused:?}");
    assert_eq!(late.control.age(), Age::Unknown);
    place.comes_back().await;
    gateway.follows().await;
    late.follows().await;
    assert_eq!((gateway.members("G"), late.members("G")), (vec!["A".to_owned()], vec!["A".to_owned()]));
    gateway.puts("H", &["B"]).await;
    late.until("it goes on", |_| late.members("H") == ["B"]).await;
    gateway.stop();
    late.stop();
}

/// Of two connections to an empty store, one sees what the other puts, and that it expires.
pub(crate) async fn what_expires_is_gone(mut one: impl KeyedStore, mut other: impl KeyedStore) {
    for store in [&mut one as &mut dyn KeyedStore, &mut other] {
        store.connect().await.expect("it is there");
        assert!(store.list().await.expect("a list").is_empty());
    }
    one.put("fleet/N", b"{}", Some(Duration::from_secs(1))).await.expect("it is put");
    let mut told = Vec::new();
    while told.last() != Some(&None) {
        let changes = timeout(DEADLINE, other.changes()).await.expect("it is told").expect("it is there");
        told.extend(changes.into_iter().map(|Change { key, value }| {
            assert_eq!(key, "fleet/N");
            value
        }));
    }
    assert_eq!(told, [Some(b"{}".to_vec()), None]);
    assert!(other.list().await.expect("a list").is_empty());
}

/// The tests of a store: `$place` makes an empty one.
macro_rules! suite {
    ($place:expr; alone) => {
        $crate::control::stores::test_kit::suite!(@ $place;
            what_is_written_outlives_the_gateway,
            any_name_and_any_size_is_kept,
            ids_go_on_above_those_of_before);
    };
    ($place:expr; shared) => {
        $crate::control::stores::test_kit::suite!($place; alone);
        $crate::control::stores::test_kit::suite!(@ $place;
            what_one_gateway_writes_reaches_the_other,
            of_many_writers_of_one_document_all_see_the_same_in_the_end,
            gateways_know_each_other_while_they_are_there);
    };
    ($place:expr; shared, fragile) => {
        $crate::control::stores::test_kit::suite!($place; shared);
        $crate::control::stores::test_kit::suite!(@ $place;
            a_store_that_is_away_holds_nobody_up_and_is_read_when_it_is_back);
    };
    (@ $place:expr; $($name:ident),+) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::control::stores::test_kit::$name($place).await;
        })+
    };
}
pub(crate) use suite;
