//! Files that are part of the program, as both listeners serve them to browsers.
//!
//! Invariant: whatever is served as a page may load, and speak to, nothing but the listener that it comes from, and no other page
//! may frame it.

use std::hash::{DefaultHasher, Hasher};

use ::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;

use crate::plain_http::{method_not_allowed, set};

/// What a page may do (Content Security Policy 3). Scripts and styles stand in files of their own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file that is part of the program.
pub(crate) struct File {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

impl File {
    pub(crate) const fn html(path: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, content_type: "text/html; charset=utf-8", bytes }
    }

    pub(crate) const fn script(path: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, content_type: "text/javascript; charset=utf-8", bytes }
    }

    pub(crate) const fn image(path: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, content_type: "image/svg+xml", bytes }
    }

    pub(crate) const fn style(path: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, content_type: "text/css; charset=utf-8", bytes }
    }
}

/// The files of a page, each with its entity tag.
pub(crate) struct Files(Vec<(&'static File, HeaderValue)>);

impl Files {
    pub(crate) fn new(files: &'static [File]) -> Self {
        Self(files.iter().map(|file| (file, tag(file.bytes))).collect())
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|(file, _)| file.path == path)
    }

    /// The answer to a request for one of them, which may have no body.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Option<Response<Option<Bytes>>> {
        let (file, tag) = self.0.iter().find(|(file, _)| file.path == request.uri().path())?;
        let with_body = match *request.method() {
            Method::GET => true,
            Method::HEAD => false,
            _ => return Some(method_not_allowed::<String>("GET, HEAD").map(|text| Some(text.into()))),
        };
        let is_known = is_known(request.headers(), tag);
        let body = (with_body && !is_known).then(|| Bytes::from_static(file.bytes));
        let mut response = Response::new(body);
        set(&mut response, CONTENT_SECURITY_POLICY, POLICY);
        set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(&mut response, REFERRER_POLICY, "no-referrer");
        set(&mut response, "cross-origin-resource-policy", "same-origin");
        // Kept, and asked for again each time: another version of the program may answer next.
        set(&mut response, CACHE_CONTROL, "no-cache");
        response.headers_mut().insert(ETAG, tag.clone());
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            set(&mut response, CONTENT_TYPE, file.content_type);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(file.bytes.len()));
        }
        Some(response)
    }
}

/// Whether the client has the file already (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let given = headers.get(IF_NONE_MATCH).and_then(|given| given.to_str().ok());
    let mut given = given.unwrap_or_default().split(',').map(str::trim);
    given.any(|given| given == "*" || given.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("digits")
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
