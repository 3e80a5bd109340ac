//! Each test plays broker and clock.

mod all;
mod bisection;
mod leaving;
mod losses;
mod requests;
mod session;
mod templates;

use super::*;
use crate::mqtt::request::Request;
use floodway_core::index::{Answer, ConnectionPermit, Limits, Upstream};

struct Bed {
    subscriptions: Subscriptions,
    index: Arc<Index>,
    now: Instant,
    next_id: u16,
}

fn bed(mode: Subscribe) -> Bed {
    let limits = Limits { connections: 0, ..Limits::default() };
    let index = Arc::new(Index::new(10_000, limits));
    let config = Config { subscribe: mode, linger: LINGER, keep: LINGER / 2, ..Config::default() };
    let subscriptions = subscriptions(&config, &index);
    Bed { subscriptions, index, now: Instant::now(), next_id: 0 }
}

fn subscriptions(config: &Config, index: &Arc<Index>) -> Subscriptions {
    let topics = Arc::new(config.topics().unwrap());
    Subscriptions::new(config, Share::WHOLE, topics, Arc::clone(index))
}

/// On demand, with a link.
fn linked() -> Bed {
    let mut bed = bed(Subscribe::OnDemand);
    bed.subscriptions.open();
    bed
}

const ALL_TENANTS: &str = "tenant/+/device/+/telemetry";

const LINGER: Duration = Duration::from_secs(30);

impl Bed {
    fn enter(&mut self, tenant: &str) -> ConnectionPermit {
        let permit = self.index.enter(&TenantId::parse(tenant).unwrap()).unwrap();
        self.subscriptions.want(permit.tenant());
        permit
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
        self.subscriptions.answered(id, &vec![Ok(()); filters], self.now);
    }

    fn refuses(&mut self, id: u16) {
        self.subscriptions.answered(id, &[Err("NotAuthorized".to_owned())], self.now);
    }

    /// The broker ends the connection.
    fn ended(&mut self) {
        let how = Some("not authorized (0x87)");
        self.subscriptions.link_lost(how, self.now);
    }

    /// The network fails, and a new connection is made.
    fn loses_without_blame(&mut self) {
        self.subscriptions.link_lost(None, self.now);
        self.subscriptions.link_up(0, false);
        self.subscriptions.open();
    }

    /// The broker ends the connection, and a new one is made.
    fn loses(&mut self) {
        self.ended();
        self.subscriptions.link_up(0, false);
        self.subscriptions.open();
    }

    /// The requests that are tried on a connection of their own now.
    fn tries(&mut self) -> Vec<Vec<String>> {
        let probe = self.subscriptions.next_probe(self.now);
        probe.expect("something is to be tried")
    }

    /// The broker ends that connection.
    fn ends(&mut self) {
        let outcome = ProbeOutcome::Closed("not authorized (0x87)".to_owned());
        self.subscriptions.probed(outcome, self.now);
    }

    /// Confirms tenants as the driver does. Returns their names, with `!` before those that get a gap first, and `+` behind
    /// those whose outage ends.
    fn confirms(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(confirmed) = self.subscriptions.confirmed.pop_front() {
            let Confirmation { tenant, source, owes_gap, is_return } = confirmed;
            tenant.set_answer(source, Answer::Confirmed);
            let gap = if owes_gap { "!" } else { "" };
            let returned = if is_return { "+" } else { "" };
            names.push(format!("{gap}{}{returned}", tenant.id()));
        }
        names.sort();
        names
    }

    /// Passes refusals on to live streams as the driver does. Returns the names.
    fn passes_refused(&mut self) -> Vec<String> {
        let refused = std::iter::from_fn(|| self.subscriptions.refused.pop_front());
        refused.map(|tenant| tenant.id().to_string()).collect()
    }

    fn subscribe(&mut self, tenant: &str) -> ConnectionPermit {
        let permit = self.enter(tenant);
        let (id, filters) = self.sends_subscribe();
        assert_eq!(filters, [filter(tenant)]);
        self.grants(id, 1);
        assert_eq!(self.confirms(), [tenant]);
        permit
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        self.subscriptions.sweep(self.now);
    }
}

fn filter(tenant: &str) -> String {
    format!("tenant/{tenant}/device/+/telemetry")
}

fn upstream(permit: &ConnectionPermit) -> Upstream {
    *permit.tenant().upstream().borrow()
}
