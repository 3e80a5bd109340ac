//! Tenants come, count, and leave, beside the plainest account of the whole.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use floodway_core::event::{self, Event, Parser};
use floodway_core::index::{ConnectionPermit, Count, Index, Limits};
use floodway_protocol::EventId;

fn index() -> Index {
    Index::new(1000, Limits { connections: 0, ..Limits::default() })
}

fn event(id: u64) -> Arc<Event> {
    let (id, tenant) = (EventId::new(id), TenantId::parse("T").expect("a name"));
    let parsed = Parser::new(&event::Config::default()).parse(id, &tenant, "A", "t", b"{}");
    Arc::new(parsed.expect("an event"))
}

fn enter(index: &Index, tenant: usize) -> ConnectionPermit {
    let tenant = TenantId::parse(&format!("T{tenant}")).expect("a name");
    index.enter(&tenant).expect("a permit")
}

/// An index, one stream at most of each tenant, and what was counted in all.
struct World {
    index: Index,
    permits: [Option<ConnectionPermit>; 5],
    gateway: Reported,
    events: u64,
    busiest: Busiest,
    others: Counters,
}

impl World {
    fn new(most: usize) -> Self {
        Self {
            index: index(),
            permits: Default::default(),
            gateway: Reported::default(),
            events: 0,
            busiest: Busiest::new(most),
            others: Counters::default(),
        }
    }

    /// A tenant receives something; it comes if it is not there.
    fn count(&mut self, tenant: usize, delivered: u64) {
        let permit = self.permits[tenant].get_or_insert_with(|| {
            self.gateway.ws += 1;
            let permit = enter(&self.index, tenant);
            permit.tenant().counters(0).ws.add(1);
            permit
        });
        let counters = permit.tenant().counters(0);
        counters.delivered.add(delivered);
        counters.bytes.add(10 * delivered);
        counters.dropped.add(delivered / 3);
        counters.conflated.add(delivered / 4);
        self.events += 1;
        permit.tenant().append(&event(self.events));
        let counters = &mut self.gateway.counters;
        counters.delivered += delivered;
        counters.bytes += 10 * delivered;
        counters.dropped += delivered / 3;
        counters.conflated += delivered / 4;
        counters.accepted += 1;
    }

    fn leave(&mut self, tenant: usize) {
        if let Some(permit) = self.permits[tenant].take() {
            self.gateway.ws -= 1;
            let left = Arc::clone(permit.tenant());
            left.counters(0).ws.sub(1);
            drop(permit);
            assert!(self.index.retire(&left));
        }
    }

    fn look(&mut self) -> Vec<(TenantId, Reported)> {
        let (rows, others) = self.busiest.look(self.gateway, self.index.tenants());
        let sum = rows.iter().fold(others, |sum, (_, reported)| sum.plus(reported));
        assert_eq!(sum, self.gateway, "the sum is exact");
        let grown = others.counters.at_least(&self.others);
        assert_eq!(grown, others.counters, "the others never have less");
        self.others = others.counters;
        rows
    }
}

#[derive(Clone, Debug)]
enum Step {
    Count(usize, u64),
    Leave(usize),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..5, 0_u64..1000).prop_map(|(tenant, delivered)| Step::Count(tenant, delivered)),
        1 => (0_usize..5).prop_map(Step::Leave),
        3 => Just(Step::Look),
    ]
}

proptest! {
    #[test]
    fn sums_are_exact_and_the_others_never_have_less(steps in prop::collection::vec(step(), 1..60), most in 0_usize..6) {
        let mut world = World::new(most);
        for step in steps {
            match step {
                Step::Count(tenant, delivered) => world.count(tenant, delivered),
                Step::Leave(tenant) => world.leave(tenant),
                Step::Look => {
                    let rows = world.look();
                    let there = world.permits.iter().flatten().count();
                    prop_assert_eq!(rows.len(), there.min(most));
                }
            }
        }
        (0..5).for_each(|tenant| world.leave(tenant));
        prop_assert!(world.look().is_empty());
        prop_assert_eq!(world.others, world.gateway.counters);
    }
}

fn names(rows: &[(TenantId, Reported)]) -> Vec<&str> {
    rows.iter().map(|(tenant, _)| tenant.as_str()).collect()
}

#[test]
fn the_busiest_are_named_and_give_way_to_who_is_twice_as_busy() {
    let mut world = World::new(2);
    world.count(0, 10);
    world.count(1, 20);
    world.count(2, 30);
    let rows = world.look();
    assert_eq!(names(&rows), ["T2", "T1"]);
    assert_eq!(rows[0].1.counters.delivered, 30, "it was never reported before");
    world.count(0, 25);
    assert_eq!(names(&world.look()), ["T2", "T1"]);
    world.count(0, 40);
    let rows = world.look();
    assert_eq!(names(&rows), ["T0", "T2"]);
    assert_eq!(rows[0].1.counters.delivered, 0, "what it had stays where it was reported");
    world.count(0, 5);
    assert_eq!(world.look()[0].1.counters.delivered, 5);
}

#[test]
fn while_others_count_no_sum_is_beyond_the_gateways_and_none_falls() {
    let (index, total, done) = (index(), Count::default(), AtomicBool::new(false));
    let permits: Vec<ConnectionPermit> = (0..4).map(|tenant| enter(&index, tenant)).collect();
    let gateway = || Reported {
        counters: Counters { delivered: total.get(), ..Counters::default() },
        ..Reported::default()
    };
    let count = || {
        let counters: Vec<_> = permits.iter().map(|permit| permit.tenant().counters(0)).collect();
        let mut each = counters.iter().cycle();
        while !done.load(Ordering::Relaxed) {
            if let Some(counters) = each.next() {
                counters.delivered.add(1);
                total.add(1);
            }
        }
    };
    let look = || {
        let mut busiest = Busiest::new(2);
        let mut reported = 0;
        for _ in 0..5000 {
            let before = gateway();
            let (rows, others) = busiest.look(before, index.tenants());
            // A tenant counts first: it may have one more than the gateway had when this is read.
            let after = total.get() + 1;
            let sum = rows.iter().fold(others, |sum, (_, reported)| sum.plus(reported));
            let sum = sum.counters.delivered;
            assert!((before.counters.delivered..=after).contains(&sum));
            assert!(others.counters.delivered >= reported);
            reported = others.counters.delivered;
        }
        done.store(true, Ordering::Relaxed);
        busiest
    };
    let mut busiest = std::thread::scope(|scope| {
        scope.spawn(count);
        scope.spawn(look).join().expect("the looks")
    });
    let (rows, others) = busiest.look(gateway(), index.tenants());
    let sum = rows.iter().fold(others, |sum, (_, reported)| sum.plus(reported));
    assert_eq!(sum.counters, gateway().counters, "at rest it is exact");
}
