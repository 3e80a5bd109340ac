//! The private listener's own token.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

/// Who may ask. Never shown.
pub(super) struct Token(Option<Box<[u8]>>);

impl Token {
    /// Everybody may, if there is no token.
    pub(super) fn new(token: Option<&str>) -> Self {
        Self(token.map(|token| token.as_bytes().into()))
    }

    /// Whether these headers carry it (RFC 6750, 2.1). Takes the same time wherever a wrong one of the right length
    /// differs.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        match &self.0 {
            None => true,
            Some(token) => bearer(headers).is_some_and(|given| given.ct_eq(token).into()),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = given.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &'static str) -> HeaderMap {
        [(AUTHORIZATION, authorization.parse().expect("a value"))]
            .into_iter()
            .collect()
    }

    #[test]
    fn only_the_token_itself_opens() {
        let token = Token::new(Some("s3cret"));
        for good in ["Bearer s3cret", "bearer s3cret", "Bearer  s3cret "] {
            assert!(token.admits(&headers(good)), "{good:?}");
        }
        for bad in [
            "",
            "s3cret",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer S3cret",
            "Basic s3cret",
        ] {
            assert!(!token.admits(&headers(bad)), "{bad:?}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn without_a_token_everybody_may() {
        assert!(Token::new(None).admits(&HeaderMap::new()));
    }
}
