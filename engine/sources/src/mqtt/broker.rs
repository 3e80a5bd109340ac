//! Addresses of brokers.
//!
//! Invariant: a broker is shown without its credentials, in logs as in debug output.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU16;

use percent_encoding::percent_decode_str;

use super::link::Version;

/// MQTT's own port.
const PORT: NonZeroU16 = NonZeroU16::new(1883).unwrap();

/// Where a broker is, and the login in its URL if there is one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Broker {
    /// Host and port.
    pub(super) address: String,
    login: Option<(String, String)>,
    /// The version of MQTT that it was last heard to speak, as far as that is known.
    pub(super) spoken: Cell<Option<Version>>,
}

/// Why a text is not the URL of a broker. The text itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadUrl {
    #[error("must begin with mqtt:// (TLS to the broker is not supported)")]
    Scheme,
    #[error("has no valid host")]
    Host,
    #[error("has no valid port")]
    Port,
    /// A `%` without two hexadecimal digits, or behind it what MQTT can't carry (MQTT 5.0, 1.5.4).
    #[error("has a user name or password that is not percent-encoded UTF-8 without NUL")]
    Login,
}

impl Broker {
    /// Reads `mqtt://[user[:password]@]host[:port]`; an IPv6 address stands in brackets (RFC 3986, 3.2).
    ///
    /// # Errors
    /// Says which part is wrong.
    pub(super) fn parse(url: &str) -> Result<Self, BadUrl> {
        let rest = url.strip_prefix("mqtt://").or_else(|| url.strip_prefix("tcp://")).ok_or(BadUrl::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(self::login(login)?), address),
            None => (None, rest),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| BadUrl::Port)?),
            _ => (address, PORT),
        };
        if !is_host(host) {
            return Err(BadUrl::Host);
        }
        Ok(Self { address: format!("{host}:{port}"), login, spoken: Cell::default() })
    }

    pub(super) fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}", self.address)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')),
    }
}

fn login(text: &str) -> Result<(String, String), BadUrl> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((percent_decoded(user)?, percent_decoded(password)?))
}

fn percent_decoded(text: &str) -> Result<String, BadUrl> {
    // `percent_decode_str` lets a `%` stand that encodes nothing.
    let is_byte = |piece: &str| {
        let digits = piece.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let is_encoded = text.split('%').skip(1).all(is_byte);
    let is_possible = |text: &Cow<'_, str>| is_encoded && text.len() <= usize::from(u16::MAX) && !text.contains('\0');
    let decoded = percent_decode_str(text).decode_utf8().ok();
    Ok(decoded.filter(is_possible).ok_or(BadUrl::Login)?.into_owned())
}

#[cfg(test)]
mod tests;
