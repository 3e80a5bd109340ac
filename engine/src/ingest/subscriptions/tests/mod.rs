//! Each test plays broker and clock.

mod all;
mod leaving;
mod losses;
mod requests;

use super::*;
use crate::index::{self, Place};

struct Bed {
    subscriptions: Subscriptions,
    index: Arc<Index>,
    now: Instant,
    next_id: u16,
}

fn bed(mode: Subscribe) -> Bed {
    let limits = index::Config {
        connections_per_tenant: 0,
        connections: 10_000,
    };
    let index = Arc::new(Index::new(&limits));
    let config = Config {
        subscribe: mode,
        ..Config::default()
    };
    let subscriptions = Subscriptions::new(&config, Arc::clone(&index));
    Bed {
        subscriptions,
        index,
        now: Instant::now(),
        next_id: 0,
    }
}

/// On demand, with a link.
fn linked() -> Bed {
    let mut bed = bed(Subscribe::OnDemand);
    bed.subscriptions.link_up();
    bed
}

const LINGER: Duration = Duration::from_secs(30);

impl Bed {
    fn enter(&mut self, tenant: &str) -> Place {
        let place = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.subscriptions.want(place.tenant());
        place
    }

    /// What is sent now, with its packet id.
    fn sends(&mut self) -> Option<(u16, Request)> {
        let request = self.subscriptions.next_request(self.now)?;
        self.next_id += 1;
        self.subscriptions.sent(self.next_id);
        Some((self.next_id, request))
    }

    fn sends_subscribe(&mut self) -> (u16, Vec<String>) {
        match self.sends() {
            Some((id, Request::Subscribe(filters))) => (id, filters),
            other => panic!("no SUBSCRIBE but {other:?}"),
        }
    }

    fn sends_unsubscribe(&mut self) -> (u16, String) {
        match self.sends() {
            Some((id, Request::Unsubscribe(filter))) => (id, filter),
            other => panic!("no UNSUBSCRIBE but {other:?}"),
        }
    }

    fn grants(&mut self, id: u16, filters: usize) {
        self.subscriptions
            .answered(id, &vec![Ok(()); filters], self.now);
    }

    fn refuses(&mut self, id: u16) {
        self.subscriptions
            .answered(id, &[Err("NotAuthorized".to_owned())], self.now);
    }

    /// Tells who was confirmed, as the driver does; returns the names, with `!` where a gap is told first.
    fn confirms(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(Confirmation { tenant, after_loss }) = self.subscriptions.next_confirmed() {
            tenant.set_upstream(Upstream::Confirmed);
            told.push(format!(
                "{}{}",
                if after_loss { "!" } else { "" },
                tenant.id()
            ));
        }
        told.sort();
        told
    }

    fn subscribe(&mut self, tenant: &str) -> Place {
        let place = self.enter(tenant);
        let (id, filters) = self.sends_subscribe();
        assert_eq!(filters, [filter(tenant)]);
        self.grants(id, 1);
        assert_eq!(self.confirms(), [tenant]);
        place
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        self.subscriptions.sweep(self.now);
    }
}

fn filter(tenant: &str) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}

fn upstream(place: &Place) -> Upstream {
    *place.tenant().upstream().borrow()
}
