//! Which web pages may connect (RFC 6454).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// What a request's `Origin` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// None, or the page comes from here.
    Same,
    /// A foreign page that the settings name.
    Listed(HeaderValue),
    /// A foreign page, where the settings allow all: its browser is not to send what it keeps for us, such as cookies.
    Any(HeaderValue),
    /// A foreign page.
    Foreign,
}

impl Origin {
    /// What a browser is told (Fetch, 3.2.3). It shows its page `Retry-After` only if it is told to.
    pub(super) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let (origin, is_listed) = match self {
            Self::Listed(origin) => (Some(origin), true),
            Self::Any(origin) => (Some(origin), false),
            Self::Same | Self::Foreign => (None, false),
        };
        let told = origin.map(|origin| {
            [
                (VARY, HeaderValue::from_static("Origin")),
                (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
                (
                    ACCESS_CONTROL_EXPOSE_HEADERS,
                    HeaderValue::from_static("Retry-After"),
                ),
            ]
        });
        let credentials = is_listed.then(|| {
            (
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            )
        });
        told.into_iter().flatten().chain(credentials)
    }
}

/// Judges the origin of a request.
pub(super) fn judge(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Origin {
    let Some(origin) = headers.get(ORIGIN) else {
        return Origin::Same;
    };
    let text = origin.to_str().unwrap_or("null");
    let own = text.split_once("://");
    if let (Some((scheme, authority)), Some(host)) = (own, host(headers, uri))
        && without_default_port(scheme, authority)
            .eq_ignore_ascii_case(without_default_port(scheme, host))
    {
        return Origin::Same;
    }
    if allowed.iter().any(|it| is_same(it, text)) {
        return Origin::Listed(origin.clone());
    }
    if allowed.iter().any(|it| it == "*") {
        return Origin::Any(origin.clone());
    }
    Origin::Foreign
}

/// What the request was sent to: over HTTP/2 it stands in the URI.
pub(super) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or(uri.authority().map(|it| it.as_str()))
}

fn is_same(listed: &str, origin: &str) -> bool {
    let listed = listed.trim_end_matches('/');
    match (listed.split_once("://"), origin.split_once("://")) {
        (Some((scheme, one)), Some((of, other))) => {
            let one = without_default_port(scheme, one);
            let other = without_default_port(of, other);
            scheme.eq_ignore_ascii_case(of) && one.eq_ignore_ascii_case(other)
        }
        _ => listed.eq_ignore_ascii_case(origin),
    }
}

/// A scheme's own port says nothing (RFC 6454, 4).
fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else if scheme.eq_ignore_ascii_case("http") {
        ":80"
    } else {
        return authority;
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origin: Option<&str>, allowed: &[&str]) -> Origin {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("gw.example:8080"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let allowed: Vec<String> = allowed.iter().map(|&it| it.to_owned()).collect();
        judge(&headers, &Uri::from_static("/"), &allowed)
    }

    #[test]
    fn foreign_pages_need_to_be_allowed() {
        assert_eq!(judged(None, &[]), Origin::Same);
        assert_eq!(judged(Some("http://GW.example:8080"), &[]), Origin::Same);
        assert_eq!(judged(Some("http://gw.example"), &[]), Origin::Foreign);
        assert_eq!(judged(Some("null"), &[]), Origin::Foreign);
        let app = HeaderValue::from_static("https://app.example");
        assert_eq!(
            judged(Some("https://app.example"), &["https://app.example/"]),
            Origin::Listed(app.clone())
        );
        assert_eq!(
            judged(Some("https://app.example"), &["*"]),
            Origin::Any(app)
        );
        assert_eq!(
            judged(Some("https://app.example.evil"), &["https://app.example"]),
            Origin::Foreign
        );
    }

    #[test]
    fn a_schemes_own_port_says_nothing() {
        let none: &[&str] = &[];
        for (host, origin, allowed, wanted) in [
            ("x:443", "https://x", none, true),
            ("X:443", "HTTPS://x:443", none, true),
            ("x", "https://x:443", none, true),
            ("x:80", "http://x", none, true),
            ("[::1]:443", "https://[::1]", none, true),
            ("x:80", "https://x", none, false),
            ("x:443", "http://x", none, false),
            ("x", "https://x:3001", none, false),
            ("x:8443", "https://x", none, false),
            ("x:443", "app://x", none, false),
            ("[::443]", "https://[:", none, false),
            ("gw", "https://b.example", &["https://b.example:443"], true),
            ("gw", "https://b.example:443", &["https://b.example/"], true),
            ("gw", "http://b.example", &["https://b.example"], false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            let allowed: Vec<String> = allowed.iter().map(|&it| it.to_owned()).collect();
            let judged = judge(&headers, &Uri::from_static("/"), &allowed);
            assert_eq!(
                judged != Origin::Foreign,
                wanted,
                "{host} {origin}: {judged:?}"
            );
        }
    }

    #[test]
    fn credentials_are_for_those_who_are_named() {
        let told = |origin: Origin| {
            let names = origin.headers().map(|(name, _)| name.as_str().to_owned());
            names.collect::<Vec<_>>().join(" ")
        };
        let page = HeaderValue::from_static("https://a.example");
        let any = "vary access-control-allow-origin access-control-expose-headers";
        assert_eq!(told(Origin::Any(page.clone())), any);
        let listed = format!("{any} access-control-allow-credentials");
        assert_eq!(told(Origin::Listed(page)), listed);
        assert_eq!(told(Origin::Same), "");
        assert_eq!(told(Origin::Foreign), "");
    }
}
