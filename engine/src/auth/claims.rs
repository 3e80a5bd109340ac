//! What a token says, and the checks of it.
//!
//! Invariant: a claim of an unexpected type counts as not there. It never makes a good token bad
//! (but for the times, which must be numbers), and never a bad one good: what is required is still
//! missing then.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::refusal::Refusal;
use super::verifier::Identity;
use crate::names::TenantId;

/// 9999-12-31T23:59:59Z. A later expiry is told as this one, since RFC 3339 cannot write it.
const EXPIRY_MAX: u64 = 253_402_300_799;

/// The claims that are looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    exp: Time,
    nbf: Time,
    iss: Value,
    aud: Value,
    sub: Value,
    organization: Organization,
    tenant_id: Value,
    realm_access: Value,
}

/// What the claims must say.
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) leeway: Duration,
}

impl Expected {
    /// Checks the claims at `now`, the time since the Unix epoch, in the order of the refusals.
    pub(super) fn check(&self, claims: &Claims, now: Duration) -> Result<Identity, Refusal> {
        let expires_at = self.lifetime(claims, now).ok_or(Refusal::Invalid)?;
        if !self.meant_for_us(claims) {
            return Err(Refusal::Invalid);
        }
        let tenant = claims.tenant().ok_or(Refusal::NoTenant)?;
        let tenant = TenantId::parse(tenant).map_err(|_| Refusal::NoTenant)?;
        if !self.roles.iter().any(|role| claims.has_role(role)) {
            return Err(Refusal::Role);
        }
        let subject = claims.sub.as_str().map(str::to_owned);
        Ok(Identity {
            tenant,
            subject,
            expires_at,
        })
    }

    /// The expiry in Unix seconds, if the token is valid now (RFC 7519, 4.1.4 and 4.1.5).
    fn lifetime(&self, claims: &Claims, now: Duration) -> Option<u64> {
        let Time::At(expiry) = claims.exp else {
            return None;
        };
        if expiry.saturating_add(self.leeway) <= now {
            return None;
        }
        match claims.nbf {
            Time::At(start) if start > now.saturating_add(self.leeway) => None,
            Time::Malformed => None,
            Time::At(_) | Time::Absent => Some(expiry.as_secs().min(EXPIRY_MAX)),
        }
    }

    /// Issuer and audience, where they are configured (RFC 7519, 4.1.1 and 4.1.3).
    fn meant_for_us(&self, claims: &Claims) -> bool {
        let issuer = self.issuer.as_deref();
        let audience = self.audience.as_deref();
        issuer.is_none_or(|issuer| claims.iss == issuer)
            && audience
                .is_none_or(|audience| claims.aud == audience || holds(&claims.aud, audience))
    }
}

impl Claims {
    fn tenant(&self) -> Option<&str> {
        self.organization
            .0
            .as_deref()
            .or_else(|| self.tenant_id.as_str())
    }

    /// Looks where Keycloak puts a user's roles.
    fn has_role(&self, role: &str) -> bool {
        self.realm_access
            .get("roles")
            .is_some_and(|roles| holds(roles, role))
    }
}

/// True if `list` is a list with `text` in it.
fn holds(list: &Value, text: &str) -> bool {
    list.as_array()
        .is_some_and(|items| items.iter().any(|item| item == text))
}

/// The organization's name: the first key of an object, or the first text of a list that is not
/// empty. First as it stands in the document, which a sorted or hashed map would forget.
#[derive(Default)]
struct Organization(Option<String>);

impl<'de> Deserialize<'de> for Organization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrganizationVisitor).map(Self)
    }
}

struct OrganizationVisitor;

impl<'de> Visitor<'de> for OrganizationVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut first = None;
        while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            first.get_or_insert(key);
        }
        Ok(first)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        let mut first = None;
        while let Some(item) = list.next_element::<Value>()? {
            match item {
                Value::String(text) if !text.is_empty() => _ = first.get_or_insert(text),
                _ => {}
            }
        }
        Ok(first)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }
}

/// A NumericDate (RFC 7519, 2): seconds since the Unix epoch, perhaps with a fraction.
#[derive(Clone, Copy, Default)]
enum Time {
    #[default]
    Absent,
    At(Duration),
    Malformed,
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Absent);
        }
        let whole = value.as_u64().map(Duration::from_secs);
        let time = whole.or_else(|| value.as_f64().map(since_epoch));
        Ok(time.map_or(Self::Malformed, Self::At))
    }
}

/// A time before the epoch is taken as the epoch, one beyond the end of time as its end.
fn since_epoch(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}
