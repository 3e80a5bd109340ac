//! What `top` shows, and what keys change. It knows no terminal and no gateway.
//!
//! Invariant: what is selected is a tenant or a stream, not a line: it stays selected while the lines move, and nothing
//! but that is ever disconnected.

use std::collections::HashMap;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use floodway_proto::admin::v1::{Connection, Node, Status, Tenant, WatchStatusResponse};

use crate::cli::show::{duration, plain, plural};

/// What tenants are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    Tenant,
    #[default]
    Events,
    Drops,
}

/// The list that keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum List {
    #[default]
    Tenants,
    Streams,
}

/// Whose streams are to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// All of the tenant with this id.
    Tenant(String),
    /// The one with this id.
    Stream(String),
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    Disconnect(Target),
}

/// A tenant, and how fast its counts grew since the answer before.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) tenant: Tenant,
    /// None until it was seen twice.
    pub(super) rates: Option<TenantRates>,
}

/// Each per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TenantRates {
    pub(super) events: f64,
    pub(super) delivered: f64,
    pub(super) dropped: f64,
}

/// All that is shown.
#[derive(Debug, Default)]
pub(super) struct Dashboard {
    pub(super) url: String,
    /// None until the first answer.
    pub(super) answer: Option<WatchStatusResponse>,
    pub(super) rows: Vec<Row>,
    pub(super) sort: Sort,
    pub(super) list: List,
    /// The selected tenant and stream, by id.
    selected: [Option<String>; 2],
    /// What is about to be disconnected, if that is confirmed.
    pub(super) asked: Option<Target>,
    /// What came of the last disconnect.
    pub(super) came: Option<String>,
    /// Why the gateway does not answer; what is known of it is old then.
    pub(super) lost: Option<String>,
}

impl Dashboard {
    pub(super) fn new(url: String) -> Self {
        Self { url, ..Self::default() }
    }

    /// Takes the next answer of the gateway.
    pub(super) fn answer(&mut self, answer: WatchStatusResponse) {
        self.lost = None;
        if self.answer.as_ref().map(node_id) != Some(node_id(&answer)) {
            // Another run of the gateway: its streams may have the ids of others before.
            (self.selected, self.asked) = ([None, None], None);
            self.rows.clear();
        }
        let passed = passed(self.answer.as_ref(), &answer);
        let before: HashMap<String, Tenant> =
            self.rows.drain(..).map(|row| (row.tenant.tenant_id.clone(), row.tenant)).collect();
        let rows = answer.busiest_tenants.iter().map(|tenant| {
            let before = before.get(&tenant.tenant_id);
            Row {
                rates: before.and_then(|before| rates(before, tenant, passed)),
                tenant: tenant.clone(),
            }
        });
        self.rows = rows.collect();
        self.answer = Some(answer);
        self.arrange();
    }

    /// The gateway does not answer any more.
    pub(super) fn lost(&mut self, why: &str) {
        self.lost = Some(plain(why));
    }

    /// What a key makes of it.
    pub(super) fn key(&mut self, key: &KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            // In a raw terminal Ctrl-C is a key like any other.
            return match key.code {
                KeyCode::Char('c') => Action::Quit,
                _ => Action::None,
            };
        }
        match self.asked.take() {
            None => self.command(key.code),
            Some(target) if matches!(key.code, KeyCode::Char('y' | 'Y')) => Action::Disconnect(target),
            // Anything but a plain yes is a no.
            Some(_) => Action::None,
        }
    }

    fn command(&mut self, key: KeyCode) -> Action {
        self.came = None;
        match key {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('t') => self.sort_by(Sort::Tenant),
            KeyCode::Char('e') => self.sort_by(Sort::Events),
            KeyCode::Char('d') => self.sort_by(Sort::Drops),
            KeyCode::Tab | KeyCode::BackTab => {
                self.list = match self.list {
                    List::Tenants => List::Streams,
                    List::Streams => List::Tenants,
                };
            }
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Esc => self.selected[self.list as usize] = None,
            KeyCode::Char('x') => self.asked = self.selected_target(),
            _ => {}
        }
        Action::None
    }

    /// What came of a disconnect.
    pub(super) fn disconnected(&mut self, target: &Target, came: Result<u64, String>) {
        self.came = Some(match came {
            Ok(ended) => format!("{}: {} ended", target.words(), plural(ended, "stream")),
            Err(why) => format!("{}: {}", target.words(), plain(&why)),
        });
    }

    /// The gateway, as far as it is known.
    pub(super) fn status(&self) -> Status {
        let answer = self.answer.as_ref();
        answer.and_then(|answer| answer.status.clone()).unwrap_or_default()
    }

    /// The streams that lag, the slowest first.
    pub(super) fn streams(&self) -> &[Connection] {
        let answer = self.answer.as_ref();
        answer.map_or(&[], |answer| &answer.slowest_connections)
    }

    /// The ids of what stands in `list`, line by line.
    fn ids(&self, list: List) -> Vec<&str> {
        match list {
            List::Tenants => self.rows.iter().map(|row| row.tenant.tenant_id.as_str()).collect(),
            List::Streams => self.streams().iter().map(|one| one.connection_id.as_str()).collect(),
        }
    }

    /// The line that is selected in `list`.
    pub(super) fn selected(&self, list: List) -> Option<usize> {
        let selected = self.selected[list as usize].as_deref()?;
        self.ids(list).iter().position(|id| *id == selected)
    }

    /// Only what is on the screen: a stream that went is not disconnected by a key for another.
    fn selected_target(&self) -> Option<Target> {
        let at = self.selected(self.list)?;
        let id = self.ids(self.list)[at].to_owned();
        Some(match self.list {
            List::Tenants => Target::Tenant(id),
            List::Streams => Target::Stream(id),
        })
    }

    fn sort_by(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// Ties by id, so that lines don't jump about.
    fn arrange(&mut self) {
        let sort = self.sort;
        self.rows.sort_by(|a, b| {
            let by_rate = |rate: fn(&Row) -> f64| rate(b).total_cmp(&rate(a));
            let order = match sort {
                Sort::Tenant => std::cmp::Ordering::Equal,
                Sort::Events => by_rate(|row| row.rates.map_or(0.0, |rates| rates.delivered)),
                Sort::Drops => b.tenant.dropped.cmp(&a.tenant.dropped),
            };
            order.then_with(|| a.tenant.tenant_id.cmp(&b.tenant.tenant_id))
        });
    }

    fn step(&mut self, by: isize) {
        let ids = self.ids(self.list);
        let at = match self.selected(self.list) {
            Some(at) => at.saturating_add_signed(by).min(ids.len() - 1),
            None => 0,
        };
        if let Some(id) = ids.get(at) {
            self.selected[self.list as usize] = Some((*id).to_owned());
        }
    }
}

impl Target {
    /// What it is, for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Tenant(id) => format!("all streams of {}", plain(id)),
            Self::Stream(id) => format!("stream {}", plain(id)),
        }
    }
}

fn node(answer: &WatchStatusResponse) -> Option<&Node> {
    answer.status.as_ref()?.node.as_ref()
}

fn node_id(answer: &WatchStatusResponse) -> &str {
    node(answer).map_or("", |node| &node.id)
}

/// The time between two answers of the same gateway.
fn passed(before: Option<&WatchStatusResponse>, now: &WatchStatusResponse) -> Duration {
    let uptime = |answer| duration(node(answer).and_then(|node| node.uptime));
    before.map_or(Duration::ZERO, |before| uptime(now).saturating_sub(uptime(before)))
}

/// None if the gateway has begun to count the tenant anew in between.
fn rates(before: &Tenant, now: &Tenant, passed: Duration) -> Option<TenantRates> {
    if passed.is_zero() || now.delivered < before.delivered {
        return None;
    }
    let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / passed.as_secs_f64();
    Some(TenantRates {
        events: rate(before.events, now.events),
        delivered: rate(before.delivered, now.delivered),
        dropped: rate(before.dropped, now.dropped),
    })
}

#[cfg(test)]
mod tests;
