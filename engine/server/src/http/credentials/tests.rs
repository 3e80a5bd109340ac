//! Where tokens are found, and which cookies are not trusted.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::*;

fn places(query: bool, cookie: Option<&str>) -> Places {
    Places { query, cookie: cookie.map(str::to_owned) }
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
    let found = |given: &[_], query, places: &Places| token(&headers(given), query, places).map(str::to_owned);
    let by_cookie = (COOKIE, "a=b; jwt=D; jwt2=x");
    let by_protocol = (PROTOCOL, "floodway.v1, bearer.C");
    let by_header = (AUTHORIZATION, "bearer A");
    let empty = (AUTHORIZATION, "Bearer ");
    for (given, query, wanted) in [
        (&[by_header.clone(), by_protocol.clone(), by_cookie.clone()][..], Some("B"), "A"),
        (&[empty.clone(), by_protocol.clone(), by_cookie.clone()], Some("B"), "B"),
        (&[(AUTHORIZATION, "Basic A"), by_protocol.clone()], Some("B"), "B"),
        (&[empty, by_protocol.clone(), by_cookie.clone()], Some(""), "C"),
        (&[(PROTOCOL, "bearer."), by_cookie.clone()], Some(""), "D"),
    ] {
        assert_eq!(found(given, query, &all).as_deref(), Some(wanted), "{given:?}");
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
    let app = |is_listed| Origin::Allowed { origin: HeaderValue::from_static("https://app.example"), is_listed };
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
