//! Topics of control.
//!
//! Invariant: [`parse`] reads what [`Key::topic`], [`RESERVED`], [`fleet`] and [`sync`] write, and nothing that has an invalid name.

use floodway_protocol::names::{self, GroupId, TenantId};

/// The filter for all of it.
pub(super) const ALL: &str = "floodway/control/v1/#";

/// What every topic of control begins with, of other versions too.
const PREFIX: &[u8] = b"floodway/control/";

/// Whether this is a topic of control.
pub fn is_control(topic: &[u8]) -> bool {
    topic.starts_with(PREFIX)
}

const ROOT: &str = "floodway/control/v1/";

/// Where ids are reserved.
pub(super) const RESERVED: &str = "floodway/control/v1/ids/reserved";

/// What a document is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    /// Limits of a tenant; of every tenant with `None`.
    Limits(Option<TenantId>),
    /// A group of a tenant.
    Group(TenantId, GroupId),
}

impl Key {
    pub(super) fn topic(&self) -> String {
        match self {
            Self::Limits(None) => format!("{ROOT}limits/default"),
            Self::Limits(Some(tenant)) => format!("{ROOT}limits/tenant/{tenant}"),
            Self::Group(tenant, group) => format!("{ROOT}groups/{tenant}/{group}"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    Document(Key),
    Fleet(&'a str),
    Sync(&'a str),
    /// Up to where ids are reserved.
    Reserved,
}

pub(super) fn fleet(node: &str) -> String {
    format!("{ROOT}fleet/{node}")
}

pub(super) fn sync(node: &str) -> String {
    format!("{ROOT}sync/{node}")
}

/// What stands behind the root in a topic of this version.
pub(super) fn key(topic: &str) -> &str {
    topic.strip_prefix(ROOT).unwrap_or(topic)
}

/// The topic with this key.
pub(super) fn of_key(key: &str) -> String {
    format!("{ROOT}{key}")
}

/// What a message with this topic is; `None` if it is nothing of this version.
pub(super) fn parse(topic: &str) -> Option<Topic<'_>> {
    let (kind, rest) = topic.strip_prefix(ROOT)?.split_once('/')?;
    match kind {
        "limits" if rest == "default" => Some(Topic::Document(Key::Limits(None))),
        "limits" => {
            let tenant = TenantId::parse(rest.strip_prefix("tenant/")?).ok()?;
            Some(Topic::Document(Key::Limits(Some(tenant))))
        }
        "groups" => {
            let (tenant, group) = rest.split_once('/')?;
            let key = Key::Group(TenantId::parse(tenant).ok()?, GroupId::parse(group).ok()?);
            Some(Topic::Document(key))
        }
        "ids" if rest == "reserved" => Some(Topic::Reserved),
        "fleet" => names::check(rest).is_ok().then_some(Topic::Fleet(rest)),
        "sync" => names::check(rest).is_ok().then_some(Topic::Sync(rest)),
        _ => None,
    }
}
