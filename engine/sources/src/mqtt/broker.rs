//! Addresses of brokers.
//!
//! Invariant: a broker is shown without its credentials, in logs as in debug output.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU16;

use percent_encoding::percent_decode_str;

use super::link::Version;
use crate::tls::ServerName;

/// Where a WebSocket is asked for, unless the URL says otherwise: the path that brokers have in common.
const PATH: &str = "/mqtt";

/// What carries MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scheme {
    name: &'static str,
    default_port: NonZeroU16,
    is_tls: bool,
    is_websocket: bool,
}

const fn scheme(name: &'static str, default_port: u16, is_tls: bool, is_websocket: bool) -> Scheme {
    let default_port = NonZeroU16::new(default_port).unwrap();
    Scheme { name, default_port, is_tls, is_websocket }
}

const MQTT: Scheme = scheme("mqtt", 1883, false, false);
const MQTTS: Scheme = scheme("mqtts", 8883, true, false);
const WS: Scheme = scheme("ws", 80, false, true);
const WSS: Scheme = scheme("wss", 443, true, true);

/// How schemes are spelt.
const SCHEMES: [(&str, Scheme); 7] = [
    ("mqtt", MQTT),
    ("tcp", MQTT),
    ("mqtts", MQTTS),
    ("ssl", MQTTS),
    ("tls", MQTTS),
    ("ws", WS),
    ("wss", WSS),
];

/// Where a broker is, what carries MQTT to it, and the login in its URL if there is one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Broker {
    scheme: Scheme,
    /// A name or an address, one of IPv6 in brackets.
    host: String,
    port: NonZeroU16,
    /// Over TLS, whom its certificate has to name.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// Where its WebSocket is, if MQTT is carried by one.
    pub(super) path: Option<String>,
    login: Option<(String, String)>,
    /// The version of MQTT that it was last heard to speak, as far as that is known.
    pub(super) spoken: Cell<Option<Version>>,
}

/// Why a text is not the URL of a broker. The text itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Another scheme, or none.
    #[error("must begin with mqtt://, mqtts://, ws:// or wss://")]
    Scheme,
    /// No host, or a text that is none.
    #[error("has no valid host")]
    Host,
    /// A port that is none.
    #[error("has no valid port")]
    Port,
    /// A path where none belongs, or one that is no path (RFC 3986, 3.3). A query may hold secrets.
    #[error("has a path that is none: only ws:// and wss:// take one, percent-encoded and without a query")]
    Path,
    /// A `%` without two hexadecimal digits, or behind it what MQTT can't carry (MQTT 5.0, 1.5.4).
    #[error("has a user name or password that is not percent-encoded UTF-8 without NUL")]
    Login,
}

/// The one form of a broker's URL: its scheme as it is documented, with port and path, without a login.
///
/// # Errors
/// Says which part is wrong.
pub fn normal_url(url: &str) -> Result<String, BadUrl> {
    Broker::parse(url).map(|broker| broker.to_string())
}

impl Broker {
    /// Reads `scheme://[user[:password]@]host[:port][/path]`; an IPv6 address stands in brackets (RFC 3986, 3.2).
    ///
    /// # Errors
    /// Says which part is wrong.
    pub(super) fn parse(url: &str) -> Result<Self, BadUrl> {
        let (name, rest) = url.split_once("://").ok_or(BadUrl::Scheme)?;
        let known = SCHEMES.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(name));
        let scheme = known.ok_or(BadUrl::Scheme)?.1;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(self::login(login)?), address),
            None => (None, authority),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| BadUrl::Port)?),
            _ => (address, scheme.default_port),
        };
        if !is_host(host) {
            return Err(BadUrl::Host);
        }
        let tls_name = scheme.is_tls.then(|| tls_name(host)).transpose()?;
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            tls_name,
            path: scheme.path(path)?,
            login,
            spoken: Cell::default(),
        })
    }

    /// Host and port, as names are looked up.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Host, and port unless its scheme implies it, as HTTP names it (RFC 9110, 7.2).
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.default_port {
            self.host.clone()
        } else {
            self.address()
        }
    }

    pub(super) fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

impl Scheme {
    /// Where the WebSocket is, if there is one, by the part of a URL behind its port.
    fn path(self, given: &str) -> Result<Option<String>, BadUrl> {
        match (self.is_websocket, given) {
            (false, "" | "/") => Ok(None),
            (true, "") => Ok(Some(PATH.to_owned())),
            (true, path) if is_path(path) => Ok(Some(path.to_owned())),
            _ => Err(BadUrl::Path),
        }
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or_default();
        write!(f, "{}://{}:{}{path}", self.scheme.name, self.host, self.port)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_host(host: &str) -> bool {
    match bracketed(host) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')),
    }
}

fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']'))
}

/// Certificates hold fewer names than look-ups may find.
fn tls_name(host: &str) -> Result<ServerName<'static>, BadUrl> {
    let host = bracketed(host).unwrap_or(host).to_owned();
    ServerName::try_from(host).map_err(|_| BadUrl::Host)
}

/// RFC 3986, 3.3: an absolute path.
fn is_path(path: &str) -> bool {
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte);
    path.starts_with('/') && path.bytes().all(is_of_path)
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
