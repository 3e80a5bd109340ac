//! Tokens such as an identity provider would issue.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The HS256 secret that every gateway of the tests is started with.
pub const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough-0123456789";

/// A token for `tenant` that is good for an hour, with the role `customer`.
pub fn token(tenant: &str) -> Token {
    let claims = json!({
        "sub": "tester",
        "tenant_id": tenant,
        "realm_access": {"roles": ["customer"]},
        "exp": now() + 3600,
    });
    let Value::Object(claims) = claims else {
        unreachable!("an object was written above")
    };
    Token {
        claims,
        algorithm: Algorithm::HS256,
        key: EncodingKey::from_secret(SECRET.as_bytes()),
        key_id: None,
    }
}

/// A token with exactly these claims, which are signed as they are written here: `claims` is JSON.
///
/// # Panics
/// If `claims` is not JSON.
pub fn token_of(claims: &str) -> String {
    let claims: &RawValue = serde_json::from_str(claims).expect("claims are JSON");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a key that fits")
}

/// The present, in seconds since 1970.
///
/// # Panics
/// If the clock stands before 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs() as i64
}

/// A token in the making.
#[derive(Clone, Debug)]
pub struct Token {
    claims: Map<String, Value>,
    algorithm: Algorithm,
    key: EncodingKey,
    key_id: Option<String>,
}

impl Token {
    /// Expires after `ttl`.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.expires_at(now() + ttl.as_secs() as i64)
    }

    /// Expires at `seconds` since 1970.
    pub fn expires_at(self, seconds: i64) -> Self {
        self.claim("exp", json!(seconds))
    }

    /// With these roles.
    pub fn roles(self, roles: &[&str]) -> Self {
        self.claim("realm_access", json!({ "roles": roles }))
    }

    /// With this claim, whatever it was before.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Without that claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signed with another key.
    pub fn signed_with(mut self, algorithm: Algorithm, key: EncodingKey) -> Self {
        (self.algorithm, self.key) = (algorithm, key);
        self
    }

    /// Names the key that it is signed with.
    pub fn key_id(mut self, id: &str) -> Self {
        self.key_id = Some(id.to_owned());
        self
    }

    /// The finished token.
    ///
    /// # Panics
    /// If the key is not one for the algorithm.
    pub fn sign(&self) -> String {
        let header = Header { kid: self.key_id.clone(), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, &self.claims, &self.key).expect("a key that fits")
    }
}
