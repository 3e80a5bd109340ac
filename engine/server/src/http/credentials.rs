//! Finds a client's token: in the header, else in the query, else among the subprotocols of a WebSocket, else in a
//! cookie. An empty one is none, and the next place is tried.
//!
//! Invariant: a browser sends a cookie with the request of any page. So a cookie counts only if the settings name it, and
//! never for a page of another site: `origin` has refused what the Origin shows, and this refuses what it does not.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName};

use super::handshake;
use super::origin::Origin;
use crate::auth::Places;
use crate::bearer::bearer;

/// Says from which site's page a browser sends the request (Fetch Metadata, 2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token in the first place that has one. `query` is the one in the query.
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
    places: &Places,
) -> Option<&'a str> {
    deliberate(headers, query, places).or_else(|| cookie(headers, places))
}

/// The token in a place that only a client that knows it can fill.
fn deliberate<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
    places: &Places,
) -> Option<&'a str> {
    header(headers)
        .or(query.filter(|token| places.query && !token.is_empty()))
        .or_else(|| handshake::bearer(headers))
}

/// Whether a page of another site may have made a browser send this request with the cookie: then the token in it does not
/// identify the client. A page of an origin that the settings name may do so.
pub(super) fn is_forged(
    headers: &HeaderMap,
    query: Option<&str>,
    places: &Places,
    origin: &Origin,
) -> bool {
    let is_cross_site = || {
        headers
            .get_all(SEC_FETCH_SITE)
            .iter()
            .any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
    };
    let is_by_cookie =
        || deliberate(headers, query, places).is_none() && cookie(headers, places).is_some();
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
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    use super::*;

    fn places(query: bool, cookie: Option<&str>) -> Places {
        Places {
            query,
            cookie: cookie.map(str::to_owned),
        }
    }

    fn headers(given: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    const PROTOCOL: HeaderName = http::header::SEC_WEBSOCKET_PROTOCOL;

    #[test]
    fn a_token_is_looked_for_in_order_and_an_empty_one_is_none() {
        let all = places(true, Some("jwt"));
        let found = |given: &[_], query, places: &Places| {
            token(&headers(given), query, places).map(str::to_owned)
        };
        let by_cookie = (COOKIE, "a=b; jwt=D; jwt2=x");
        let by_protocol = (PROTOCOL, "floodway.v1, bearer.C");
        let by_header = (AUTHORIZATION, "bearer A");
        let empty = (AUTHORIZATION, "Bearer ");
        for (given, query, wanted) in [
            (
                &[by_header.clone(), by_protocol.clone(), by_cookie.clone()][..],
                Some("B"),
                "A",
            ),
            (
                &[empty.clone(), by_protocol.clone(), by_cookie.clone()],
                Some("B"),
                "B",
            ),
            (
                &[(AUTHORIZATION, "Basic A"), by_protocol.clone()],
                Some("B"),
                "B",
            ),
            (
                &[empty, by_protocol.clone(), by_cookie.clone()],
                Some(""),
                "C",
            ),
            (&[(PROTOCOL, "bearer."), by_cookie.clone()], Some(""), "D"),
        ] {
            assert_eq!(
                found(given, query, &all).as_deref(),
                Some(wanted),
                "{given:?}"
            );
        }
        assert_eq!(found(&[by_cookie], None, &places(true, None)), None);
        assert_eq!(found(&[], Some("B"), &places(false, None)), None);
    }

    #[test]
    fn cookies_are_read_from_all_headers_by_their_whole_name() {
        let jwt = places(true, Some("jwt"));
        for (given, wanted) in [
            (&["xjwt=1; jwt=2"][..], Some("2")),
            (&["a=b", "jwt=\"2\"", "jwt=3"], Some("2")),
            (&["jwt=;jwt=3"], Some("3")),
            (&["JWT=2; jwt"], None),
            (&["a=jwt=2"], None),
            (&["jwt=a=="], Some("a==")),
        ] {
            let given: Vec<_> = given.iter().map(|value| (COOKIE, *value)).collect();
            assert_eq!(cookie(&headers(&given), &jwt), wanted, "{given:?}");
        }
    }

    #[test]
    fn a_cookie_is_not_good_for_a_page_of_another_site() {
        let places = places(true, Some("jwt"));
        let app = |is_listed| Origin::Allowed {
            origin: HeaderValue::from_static("https://app.example"),
            is_listed,
        };
        let with = |site: Option<&'static str>, more: &[(HeaderName, &'static str)]| {
            let mut given = vec![(COOKIE, "jwt=D")];
            given.extend(site.map(|site| (SEC_FETCH_SITE, site)));
            given.extend_from_slice(more);
            headers(&given)
        };
        for (site, origin, forged) in [
            (None, Origin::Same, false),
            (Some("same-origin"), Origin::Same, false),
            (Some("none"), Origin::Same, false),
            (Some("cross-site"), Origin::Same, true),
            (Some("cross-site"), app(true), false),
            (Some("cross-site"), app(false), true),
            (None, app(false), true),
        ] {
            let judged = is_forged(&with(site, &[]), None, &places, &origin);
            assert_eq!(judged, forged, "{site:?} {origin:?}");
        }
        let bearer = with(Some("cross-site"), &[(AUTHORIZATION, "Bearer A")]);
        assert!(!is_forged(&bearer, None, &places, &Origin::Same));
        let by_query = with(Some("cross-site"), &[]);
        assert!(!is_forged(&by_query, Some("B"), &places, &Origin::Same));
    }
}
