//! Tests of `http::origin`.

use super::*;

fn judged_at(host: &'static str, origin: Option<&str>, allowed: &[&str]) -> Origin {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static(host));
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().unwrap());
    }
    let allowed: Vec<String> = allowed.iter().map(|&it| it.to_owned()).collect();
    judge(&headers, &Uri::from_static("/"), &allowed)
}

fn judged(origin: Option<&str>, allowed: &[&str]) -> Origin {
    judged_at("gw.example:8080", origin, allowed)
}

#[test]
fn foreign_pages_need_to_be_allowed() {
    assert_eq!(judged(None, &[]), Origin::Same);
    assert_eq!(judged(Some("http://GW.example:8080"), &[]), Origin::Same);
    assert_eq!(judged(Some("http://gw.example"), &[]), Origin::Foreign);
    assert_eq!(judged(Some("null"), &[]), Origin::Foreign);
    let app = |is_listed| Origin::Allowed { origin: HeaderValue::from_static("https://app.example"), is_listed };
    let page = Some("https://app.example");
    assert_eq!(judged(page, &["https://app.example/"]), app(true));
    assert_eq!(judged(page, &["https://App.example:443"]), app(true));
    assert_eq!(judged(page, &["*"]), app(false));
    assert_eq!(judged(page, &["*", "https://app.example"]), app(true));
    assert_eq!(judged(page, &["http://app.example"]), Origin::Foreign);
    let evil = Some("https://app.example.evil");
    assert_eq!(judged(evil, &["https://app.example"]), Origin::Foreign);
}

#[test]
fn a_port_that_the_scheme_has_anyway_makes_no_difference() {
    for (host, origin, expected) in [
        ("x", "https://x:443", Origin::Same),
        ("x:443", "https://x", Origin::Same),
        ("x:80", "http://x", Origin::Same),
        ("[::1]:443", "https://[::1]", Origin::Same),
        ("x:443", "http://x", Origin::Foreign),
        ("x:80", "https://x", Origin::Foreign),
        ("x", "https://x:3001", Origin::Foreign),
    ] {
        assert_eq!(judged_at(host, Some(origin), &[]), expected, "{host} {origin}");
    }
}

#[test]
fn a_foreign_origin_is_explained_in_one_line() {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("gw.internal"));
    headers.insert(ORIGIN, HeaderValue::from_bytes(b"https://x\xff").unwrap());
    let text = explain(&headers, &Uri::from_static("/"));
    assert!(text.contains("https://x\u{fffd}") && text.contains("gw.internal"), "{text}");
    assert!(text.contains("http.allowed_origins"), "{text}");
}
