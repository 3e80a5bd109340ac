//! What a token says, and the checks of it.
//!
//! Invariant: a claim of an unexpected type counts as absent. So it never makes a good token bad, except for the times,
//! which must be numbers, and never a bad one good: what is required is then missing.

use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

use super::config::Config;
use super::organization::Organization;
use super::refusal::{Fault, Refusal};
use floodway_protocol::messages::notice::LAST_SECOND;
use floodway_protocol::names::{BadName, TenantId};

/// The client that a token identifies, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The tenant, whose events it may receive.
    pub tenant: TenantId,
    /// The claim `sub`.
    pub subject: Option<String>,
    /// The claim `exp`, in Unix seconds, at most the end of the year 9999. Fractions are cut off.
    pub expires_at: u64,
}

/// The claims that are read.
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

impl Config {
    /// Checks the claims at `now`, the time since the Unix epoch, in the order of the refusals. With `asked` the identity is
    /// of that tenant, which must be one of those that the token names.
    pub(super) fn judge(&self, claims: &Claims, asked: Option<&str>, now: Duration) -> Result<Identity, Refusal> {
        let expires_at = self.lifetime(claims, now).map_err(Refusal::Invalid)?;
        self.meant_for_us(claims).map_err(Refusal::Invalid)?;
        let tenant = claims.tenant(asked)?;
        if !self.roles.iter().any(|role| claims.has_role(role)) {
            return Err(Refusal::Role);
        }
        let subject = claims.sub.as_str().map(str::to_owned);
        Ok(Identity { tenant, subject, expires_at })
    }

    /// The expiry in Unix seconds, if the token is valid now (RFC 7519, 4.1.4 and 4.1.5).
    fn lifetime(&self, claims: &Claims, now: Duration) -> Result<u64, Fault> {
        let expiry = match claims.exp {
            Time::At(expiry) => expiry,
            Time::Absent => return Err(Fault::Claims("exp is missing")),
            Time::Malformed => return Err(Fault::Claims("exp is not a number")),
        };
        if expiry.saturating_add(self.leeway) <= now {
            return Err(Fault::Expired);
        }
        match claims.nbf {
            Time::At(start) if start > now.saturating_add(self.leeway) => Err(Fault::NotYetValid),
            Time::Malformed => Err(Fault::Claims("nbf is not a number")),
            Time::At(_) | Time::Absent => Ok(expiry.as_secs().min(LAST_SECOND)),
        }
    }

    /// Issuer and audience, where they are configured (RFC 7519, 4.1.1 and 4.1.3).
    fn meant_for_us(&self, claims: &Claims) -> Result<(), Fault> {
        let issuer = self.issuer.as_deref();
        if issuer.is_some_and(|issuer| claims.iss != issuer) {
            return Err(Fault::Issuer);
        }
        let is_for = |audience: &str| claims.aud == audience || holds(&claims.aud, audience);
        match self.audience.as_deref() {
            Some(audience) if !is_for(audience) => Err(Fault::Audience),
            _ => Ok(()),
        }
    }
}

impl Claims {
    /// The tenant: the one that is asked for, which the token must name, else the first that it names.
    fn tenant(&self, asked: Option<&str>) -> Result<TenantId, Refusal> {
        let organizations = &self.organization.names;
        let by_id = || self.tenant_id.as_str().filter(|id| !id.is_empty());
        let first = organizations.first().map(String::as_str).or_else(by_id);
        let first = first.ok_or_else(|| Refusal::NoTenant(self.no_tenant()))?;
        let name = match asked {
            Some(asked) if asked == first => first,
            Some(asked) if organizations.iter().any(|name| name == asked) => asked,
            Some(_) => return Err(Refusal::OtherTenant),
            None => first,
        };
        TenantId::parse(name).map_err(|bad| {
            Refusal::NoTenant(match bad {
                BadName::Empty => "the tenant is empty",
                BadName::TooLong => "the tenant's name is longer than 256 bytes",
                BadName::Forbidden => "the tenant's name holds '/', '+', '#' or a control character",
            })
        })
    }

    /// Why the token names no tenant.
    fn no_tenant(&self) -> &'static str {
        match (&self.tenant_id, self.organization.is_no_name) {
            (Value::Number(_), _) => "tenant_id is a number; a text is expected",
            (Value::Bool(_), _) => "tenant_id is true or false; a text is expected",
            (Value::Array(_), _) => "tenant_id is a list; a text is expected",
            (Value::Object(_), _) => "tenant_id is an object; a text is expected",
            (Value::String(_) | Value::Null, Some(why)) => why,
            (Value::String(_), None) => "tenant_id is empty",
            (Value::Null, None) => "neither organization nor tenant_id is there",
        }
    }

    /// Whether the user has the role, where Keycloak puts roles.
    fn has_role(&self, role: &str) -> bool {
        self.realm_access.get("roles").is_some_and(|roles| holds(roles, role))
    }
}

/// Whether `list` is a list with `text` in it.
fn holds(list: &Value, text: &str) -> bool {
    list.as_array().is_some_and(|items| items.iter().any(|item| item == text))
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
