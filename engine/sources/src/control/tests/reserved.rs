//! Ids grow whatever happens to clocks, links and processes.

use proptest::prelude::*;

use super::super::reserved::Reservation;
use super::*;
use floodway_core::event::{IdSource, Ids, MARK_BITS};

/// A day in microseconds.
const DAY: u64 = 86_400_000_000;

/// The stamp of the next id.
fn next_stamp(ids: &mut IdSource) -> u64 {
    ids.next().get() >> MARK_BITS
}

#[test]
fn ids_wait_for_their_reservation_and_begin_above_an_earlier_one() {
    let far = floodway_core::event::now_micros() + DAY;
    let document = format!("{{\"up_to\":{far}}}");
    let mut bed = following(&[("ids/reserved", &document)]);
    assert!(bed.follower.is_settled());
    let mut ids = IdSource::of(bed.control.ids());
    assert_eq!([next_stamp(&mut ids), next_stamp(&mut ids)], [far + 1, far + 2]);
    let held = |bed: &Bed| {
        let document: serde_json::Value = serde_json::from_str(&bed.retained[&at("ids/reserved")]).unwrap();
        document["up_to"].as_u64().unwrap()
    };
    let reserved = held(&bed);
    assert!(reserved > far + 2);
    bed.hears("ids/reserved", "{\"up_to\":7}");
    bed.obey();
    assert!(held(&bed) >= reserved, "a smaller one is put right");
    bed.hears("ids/reserved", "{\"up_to\":-7}");
    assert!(bed.problem().contains("ids/reserved"));
}

#[test]
fn above_the_largest_number_that_is_believed_ids_are_reserved_as_well() {
    let bound = 1_u64 << 52;
    let mut bed = following(&[("ids/reserved", &format!("{{\"up_to\":{bound}}}"))]);
    let mut ids = IdSource::of(bed.control.ids());
    let first = next_stamp(&mut ids);
    assert_eq!(first, bound + 1);
    let reserved = bed.retained[&at("ids/reserved")].clone();
    let document: serde_json::Value = serde_json::from_str(&reserved).unwrap();
    assert!(document["up_to"].as_u64().unwrap() > first, "{document}");
    bed.hears("ids/reserved", &reserved);
    assert!(bed.follower.is_settled());
}

#[test]
fn a_number_that_leaves_no_room_for_ids_is_not_believed() {
    for up_to in [(1_u64 << 52) + 1, 1 << 53, u64::MAX] {
        let document = format!("{{\"up_to\":{up_to}}}");
        let mut bed = following(&[("ids/reserved", &document)]);
        let first = next_stamp(&mut IdSource::of(bed.control.ids()));
        assert!(first < 1 << 52, "{first} after {up_to}");
        bed.hears("ids/reserved", &document);
        assert!(bed.problem().contains("ids/reserved"));
        bed.obey();
        let kept = &bed.retained[&at("ids/reserved")];
        assert_ne!(kept, &document, "it is put right");
    }
}

#[test]
fn without_a_broker_that_keeps_it_ids_follow_the_clock() {
    for has_refused in [true, false] {
        let mut bed = bed();
        bed.follower.link_up(ABLE, bed.now);
        let (follow, _) = bed.sends().unwrap();
        bed.answers(follow, Ok(()));
        let (mark, _, nonce) = bed.publishes();
        bed.answers(mark, Ok(()));
        bed.hears_as("sync/N", &nonce, false);
        let (reserve, topic, _) = bed.publishes();
        assert_eq!(topic, at("ids/reserved"));
        if has_refused {
            bed.answers(reserve, Err("NotAuthorized".to_owned()));
        } else {
            bed.answers(reserve, Ok(()));
            bed.passes(4);
            assert!(!bed.follower.is_settled(), "its copy may yet come");
            bed.passes(1);
        }
        assert!(bed.follower.is_settled());
        let before = floodway_core::event::now_micros();
        assert!(next_stamp(&mut IdSource::of(bed.control.ids())) >= before);
    }
}

#[test]
fn a_broker_that_ends_the_connection_for_it_is_served_without() {
    let mut bed = bed();
    let read = |bed: &mut Bed| {
        bed.follower.link_up(ABLE, bed.now);
        let (follow, _) = bed.sends().unwrap();
        bed.answers(follow, Ok(()));
        let (mark, _, nonce) = bed.publishes();
        bed.answers(mark, Ok(()));
        bed.hears_as("sync/N", &nonce, false);
    };
    for _ in 0..2 {
        read(&mut bed);
        let (reserve, _, _) = bed.publishes();
        bed.answers(reserve, Err("NotAuthorized".to_owned()));
        bed.follower.link_lost();
    }
    read(&mut bed);
    assert!(bed.follower.is_settled(), "telemetry first");
    bed.passes(100_000);
    assert_eq!(bed.sends(), None, "another try would cost the link");
}

#[test]
fn ids_begin_above_a_reservation_that_may_only_be_read() {
    let far = floodway_core::event::now_micros() + DAY;
    let mut bed = bed();
    bed.follower.link_up(ABLE, bed.now);
    let (follow, _) = bed.sends().unwrap();
    bed.hears("ids/reserved", &format!("{{\"up_to\":{far}}}"));
    bed.answers(follow, Ok(()));
    let (mark, _, _) = bed.publishes();
    bed.answers(mark, Err("NotAuthorized".to_owned()));
    assert!(bed.follower.is_settled());
    assert_eq!(next_stamp(&mut IdSource::of(bed.control.ids())), far + 1);
}

/// What happens to one of two gateways.
#[derive(Clone, Debug)]
enum Step {
    /// Its clock goes on, or back, by these seconds.
    Clock(i64),
    Events(u8),
    /// It publishes what it wants to, and all hear it.
    Reserve,
    /// The same, but the link is lost before anybody hears of it.
    Lost,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        (-100_000..100_000i64).prop_map(Step::Clock),
        (0..600i64).prop_map(Step::Clock),
        (1..9u8).prop_map(Step::Events),
        Just(Step::Reserve),
        Just(Step::Reserve),
        Just(Step::Lost),
        Just(Step::Restart),
    ];
    proptest::collection::vec((0..2usize, step), 0..100)
}

struct Node {
    reservation: Reservation,
    ids: Arc<Ids>,
    clock: u64,
    /// The last id of its life before.
    floor: u64,
}

struct World {
    nodes: [Node; 2],
    retained: Option<Vec<u8>>,
    now: Instant,
}

impl World {
    fn read(&mut self, node: usize) {
        let Node { reservation, clock, .. } = &mut self.nodes[node];
        reservation.begin();
        if let Some(retained) = &self.retained {
            reservation.received(retained).unwrap();
        }
        reservation.read(*clock, self.now);
    }

    fn reserve(&mut self, node: usize, is_heard: bool) {
        let Node { reservation, clock, .. } = &mut self.nodes[node];
        let Some(document) = reservation.next(*clock, self.now) else {
            return;
        };
        if is_heard {
            for node in &mut self.nodes {
                node.reservation.received(&document).unwrap();
            }
        }
        self.retained = Some(document);
        if !is_heard {
            (0..2).for_each(|node| self.read(node));
        }
    }

    fn held(&self) -> u64 {
        self.retained.as_ref().map_or(0, |document| {
            let document: serde_json::Value = serde_json::from_slice(document).unwrap();
            document["up_to"].as_u64().unwrap()
        })
    }

    fn take(&mut self, node: usize, step: Step) {
        match step {
            Step::Clock(seconds) => {
                let clock = &mut self.nodes[node].clock;
                *clock = clock.saturating_add_signed(seconds * 1_000_000);
            }
            Step::Events(events) if !self.nodes[node].reservation.is_beginning() => {
                let held = self.held();
                let Node { ids, clock, floor, .. } = &mut self.nodes[node];
                let mut source = IdSource::of(Arc::clone(ids));
                for _ in 0..events {
                    let id = source.next_at(*clock).get() >> MARK_BITS;
                    assert!(*floor < id && id <= held, "{floor} < {id} <= {held}");
                    *floor = id;
                }
            }
            Step::Events(_) => {}
            Step::Reserve => self.reserve(node, true),
            Step::Lost => self.reserve(node, false),
            Step::Restart => {
                let ids: Arc<Ids> = Arc::default();
                self.nodes[node].reservation = Reservation::new(Arc::clone(&ids));
                self.nodes[node].ids = ids;
                self.read(node);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_id_is_above_what_the_broker_holds_nor_below_one_before(steps in steps()) {
        let node = || {
            let ids: Arc<Ids> = Arc::default();
            Node { reservation: Reservation::new(Arc::clone(&ids)), ids, clock: 30 * DAY, floor: 0 }
        };
        let mut world = World { nodes: [node(), node()], retained: None, now: Instant::now() };
        (0..2).for_each(|node| world.read(node));
        for (node, step) in steps {
            world.take(node, step);
        }
    }
}
