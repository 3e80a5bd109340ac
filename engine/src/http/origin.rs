//! Which web pages may connect (RFC 6454).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Uri};

/// What a request's `Origin` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// None, or the page comes from here.
    Same,
    /// A foreign page that is allowed; it is told so.
    Allowed(HeaderValue),
    /// A foreign page.
    Foreign,
}

/// Judges the origin of a request. `host` is what the request was sent to: over HTTP/2 it stands in the URI.
pub(super) fn judge(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Origin {
    let Some(origin) = headers.get(ORIGIN) else {
        return Origin::Same;
    };
    let text = origin.to_str().unwrap_or("null");
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or(uri.authority().map(|it| it.as_str()));
    let own = text.split_once("://").map(|(_, authority)| authority);
    if own.is_some() && own.map(str::to_ascii_lowercase) == host.map(str::to_ascii_lowercase) {
        return Origin::Same;
    }
    if allowed
        .iter()
        .any(|it| it == "*" || it.trim_end_matches('/').eq_ignore_ascii_case(text))
    {
        return Origin::Allowed(origin.clone());
    }
    Origin::Foreign
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
            Origin::Allowed(app.clone())
        );
        assert_eq!(
            judged(Some("https://app.example"), &["*"]),
            Origin::Allowed(app)
        );
        assert_eq!(
            judged(Some("https://app.example.evil"), &["https://app.example"]),
            Origin::Foreign
        );
    }
}
