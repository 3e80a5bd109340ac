//! Finds a client's token: in the header, else in the query, else among the subprotocols of a WebSocket, else in a
//! cookie. An empty one is none, and the next place is tried.
//!
//! Invariant: a browser sends a cookie with the request of any page. So a cookie counts only if the settings name it, and
//! never for a page of another site: `origin` has refused what the Origin shows, and this refuses what it does not.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName};

use super::handshake;
use crate::auth::Places;
use crate::origin::Origin;
use crate::plain_http::bearer;

/// Says from which site's page a browser sends the request (Fetch Metadata, 2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token in the first place that has one. `query` is the one in the query.
pub(super) fn token<'a>(headers: &'a HeaderMap, query: Option<&'a str>, places: &Places) -> Option<&'a str> {
    deliberate(headers, query, places).or_else(|| cookie(headers, places))
}

/// The token in a place that only a client that knows it can fill.
fn deliberate<'a>(headers: &'a HeaderMap, query: Option<&'a str>, places: &Places) -> Option<&'a str> {
    header(headers)
        .or(query.filter(|token| places.query && !token.is_empty()))
        .or_else(|| handshake::bearer(headers))
}

/// Whether a page of another site may have made a browser send this request with the cookie: then the token in it does not
/// identify the client. A page of an origin that the settings name may do so.
pub(super) fn is_forged(headers: &HeaderMap, query: Option<&str>, places: &Places, origin: &Origin) -> bool {
    let is_cross_site = || {
        headers
            .get_all(SEC_FETCH_SITE)
            .iter()
            .any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
    };
    let is_by_cookie = || deliberate(headers, query, places).is_none() && cookie(headers, places).is_some();
    let is_suspect = match origin {
        Origin::Same => is_cross_site(),
        Origin::Allowed { is_listed, .. } => !is_listed,
        Origin::Foreign => true,
    };
    is_suspect && is_by_cookie()
}

fn header(headers: &HeaderMap) -> Option<&str> {
    let token = bearer(headers).filter(|token| token.is_ascii())?;
    str::from_utf8(token).ok()
}

/// The value of the cookie that the settings name, if they name one (RFC 6265, 4.2.1). Over HTTP/2 there may be several
/// headers (RFC 9113, 8.2.3).
fn cookie<'a>(headers: &'a HeaderMap, places: &Places) -> Option<&'a str> {
    let wanted = places.cookie.as_deref()?;
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| unquoted(value))
        .find(|value| !value.is_empty())
}

/// RFC 6265, 4.1.1: a value may be in quotation marks.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests;
