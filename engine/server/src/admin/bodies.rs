//! Bodies of the private listener's answers.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use tonic::body::Body;

pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Body::new(Full::new(bytes.into()))
}

pub(super) fn sent(response: Response<String>) -> Response<Body> {
    response.map(whole)
}
