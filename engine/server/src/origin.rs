//! Which web pages may connect (RFC 6454).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Uri};

use floodway_core::printable::printable;

/// Characters of a header that a log line repeats.
const SHOWN_CHARS: usize = 200;

/// What a request's `Origin` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There is none, or the page comes from this host.
    Same,
    /// A foreign page that is allowed; the answer says so.
    Allowed {
        /// As the browser sent it.
        origin: HeaderValue,
        /// The settings name it, and not only `*`: its browser may send the user's credentials.
        is_listed: bool,
    },
    /// A foreign page.
    Foreign,
}

/// Judges the origin of a request. Over HTTP/2 the host is in the URI.
pub(crate) fn judge(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Origin {
    let Some(origin) = headers.get(ORIGIN) else {
        return Origin::Same;
    };
    let text = origin.to_str().unwrap_or("null");
    if is_own(text, host(headers, uri)) {
        return Origin::Same;
    }
    let is_listed = allowed.iter().any(|it| is_same(it, text));
    if is_listed || allowed.iter().any(|it| it == "*") {
        return Origin::Allowed { origin: origin.clone(), is_listed };
    }
    Origin::Foreign
}

/// Why a page is foreign, and what to do if it should not be.
pub(crate) fn explain(headers: &HeaderMap, uri: &Uri) -> String {
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    let origin = printable(origin.unwrap_or_default(), SHOWN_CHARS);
    let host = host(headers, uri).unwrap_or_default();
    let host = printable(host.as_bytes(), SHOWN_CHARS);
    format!(
        "Origin {origin} is not this Host, {host}; if it is yours, add it to http.allowed_origins, or have the proxy pass \
         the Host on as the browser sent it"
    )
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or(uri.authority().map(|it| it.as_str()))
}

/// Whether `origin` is that of a page from `host`, in either scheme: behind a proxy that speaks TLS it is not the listener's.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else {
        return false;
    };
    without_default_port(scheme, authority).eq_ignore_ascii_case(without_default_port(scheme, host))
}

/// Whether an origin of the settings is that of a request.
fn is_same(listed: &str, origin: &str) -> bool {
    let listed = listed.trim_end_matches('/');
    match (listed.split_once("://"), origin.split_once("://")) {
        (Some((scheme, listed)), Some((its, authority))) => {
            scheme.eq_ignore_ascii_case(its)
                && without_default_port(scheme, listed).eq_ignore_ascii_case(without_default_port(scheme, authority))
        }
        _ => listed.eq_ignore_ascii_case(origin),
    }
}

/// Removes the scheme's default port (RFC 6454, 4; RFC 9110, 4.2).
fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => ":443",
        _ if scheme.eq_ignore_ascii_case("http") => ":80",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests;
