//! The private listener's own tokens, and what each is good for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use floodway_proto::admin::v1::calls_without_side_effects;
use http::HeaderMap;
use subtle::ConstantTimeEq;

use super::config::Config;
use crate::plain_http::bearer;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// Read, and change nothing.
    Read,
    /// Everything.
    Full,
}

/// The tokens that are set, and the calls that each allows. Never shown.
pub(super) struct Tokens {
    full: Option<Box<[u8]>>,
    read: Option<Box<[u8]>>,
    /// Only its address on loopback protects the listener.
    is_open: bool,
    /// Paths of the admin API's calls that change nothing.
    readable: BTreeSet<String>,
}

impl Tokens {
    /// Without a token every client may do everything.
    pub(super) fn new(config: &Config) -> Self {
        let bytes = |token: &Option<String>| token.as_ref().map(|token| token.as_bytes().into());
        Self {
            full: bytes(&config.token),
            read: bytes(&config.read_token),
            is_open: config.token.is_none() && config.read_token.is_none() && config.tls.is_none(),
            readable: calls_without_side_effects().into_iter().collect(),
        }
    }

    /// The access that these headers give, if any (RFC 6750, 2.1). Takes the same time wherever a wrong token of the right
    /// length differs.
    pub(super) fn access(&self, headers: &HeaderMap) -> Option<Access> {
        if self.full.is_none() && self.read.is_none() {
            return Some(Access::Full);
        }
        let given = bearer(headers)?;
        let is = |token: &Option<Box<[u8]>>| {
            let token = token.as_deref();
            token.is_some_and(|token| bool::from(given.ct_eq(token)))
        };
        match (is(&self.full), is(&self.read)) {
            (true, _) => Some(Access::Full),
            (false, true) => Some(Access::Read),
            (false, false) => None,
        }
    }

    /// Whether a web page may be behind a request for this host: one whose name was made to lead to this machine (DNS
    /// rebinding) is read by a browser as if it were the page's own. It can't send a token that it does not know.
    pub(super) fn may_be_a_page(&self, host: Option<&str>) -> bool {
        let is_ours = |host: &str| {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || host.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
        };
        self.is_open && !host.is_none_or(is_ours)
    }

    /// The access that the gRPC call at `path` needs. Health and reflection change nothing.
    pub(super) fn needed(&self, path: &str) -> Access {
        let is_ours = path.starts_with("/floodway.");
        if is_ours && !self.readable.contains(path) {
            Access::Full
        } else {
            Access::Read
        }
    }
}

#[cfg(test)]
mod tests;
