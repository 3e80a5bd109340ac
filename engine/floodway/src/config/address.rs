//! Addresses in settings: where to listen, brokers, origins, and where keys are fetched.
//!
//! Invariant: an address that passed these checks has the one form that the parts expect, and holds
//! no user name or password, so it may be shown and logged.

use std::net::{Ipv6Addr, SocketAddr};

use ::http::Uri;
use floodway_sources::mqtt::normal_url;

/// An address and a port to listen on.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    let text = text.trim();
    let named = || {
        let (host, port) = text.rsplit_once(':')?;
        (is_host_name(host) && port.parse::<u16>().is_ok()).then_some(())
    };
    if text.parse::<SocketAddr>().is_ok() || named().is_some() {
        return Ok(text.to_owned());
    }
    Err("expected an address and a port, such as 0.0.0.0:8080 or [::]:8080".to_owned())
}

/// True if only this machine can reach a listener there.
pub(crate) fn is_loopback(listen: &str) -> bool {
    match listen.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_canonical().is_loopback(),
        Err(_) => listen.rsplit_once(':').is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost")),
    }
}

/// A broker, in the one form of its URL.
pub(crate) fn broker(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.contains('@') {
        return Err("leave user name and password out, and set mqtt.username and mqtt.password".to_owned());
    }
    let form = "expected mqtt://host:port, mqtts://host:port, ws://host:port/path or wss://host:port/path, with an IPv6 \
                address in brackets";
    normal_url(text).map_err(|why| format!("{form}: it {why}"))
}

/// A server of NATS: `nats://host:port`, or `tls://host:port`; the port may be left out.
pub(crate) fn nats(text: &str) -> Result<String, String> {
    const FORM: &str = "expected nats://host:port, or tls://host:port, with an IPv6 address in brackets";
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
    if !matches!(scheme, "nats" | "tls") {
        return Err("expected nats://host:port, or tls://host:port; other transports are not available".to_owned());
    }
    if rest.contains('@') {
        return Err(
            "leave user name and password out, and set nats.username and nats.password, or nats.token".to_owned()
        );
    }
    let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest), 4222).ok_or(FORM)?;
    Ok(at(scheme, host, port))
}

/// The broker at `host`, which may be a bare IPv6 address.
pub(crate) fn broker_at(host: &str, port: u16) -> String {
    at("mqtt", host, port)
}

fn at(scheme: &str, host: &str, port: u16) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("{scheme}://[{address}]:{port}"),
        Err(_) => format!("{scheme}://{host}:{port}"),
    }
}

/// A host name or an address without brackets, as in `MQTT_HOST`.
pub(crate) fn is_host(text: &str) -> bool {
    is_host_name(text) || text.parse::<Ipv6Addr>().is_ok()
}

/// Letters, digits, dots, hyphens; underscores too, which some container networks use.
fn is_host_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(known)
}

/// Takes `host:port` apart; brackets around an IPv6 address are removed.
fn host_and_port(text: &str, default_port: u16) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        return Some((address, port_or(port, default_port)?));
    }
    let end = text.find(':').unwrap_or(text.len());
    let (host, port) = text.split_at(end);
    is_host_name(host).then_some((host, port_or(port, default_port)?))
}

/// The port behind the colon, or the default if there is none. Port 0 is no port to connect to.
fn port_or(text: &str, default: u16) -> Option<u16> {
    match text.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => text.is_empty().then_some(default),
    }
}

/// An origin as browsers send it (RFC 6454, 6.2), or `*` for any.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    const FORM: &str = "expected an origin such as https://app.example, without a path, or *";
    if text == "*" {
        return Ok(text.to_owned());
    }
    // A sandboxed frame of any page sends `null`: to allow it is to allow everyone.
    let origin = text.to_ascii_lowercase();
    let (scheme, authority) = origin.split_once("://").ok_or(FORM)?;
    host_and_port(authority, 1).ok_or(FORM)?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Ok(origin),
    };
    // Browsers leave out the port that the scheme implies.
    Ok(origin.strip_suffix(default_port).unwrap_or(&origin).to_owned())
}

/// Where a JWK set is fetched: `https://…` or `http://…`.
pub(crate) fn jwks(text: &str) -> Result<String, String> {
    const FORM: &str = "expected https://host/path, or http:// within a trusted network";
    let uri: Uri = text.trim().parse().map_err(|_| FORM)?;
    let authority = uri.authority().ok_or(FORM)?;
    if !matches!(uri.scheme_str(), Some("https" | "http")) || authority.host().is_empty() {
        return Err(FORM.to_owned());
    }
    if authority.as_str().contains('@') {
        return Err("leave user name and password out".to_owned());
    }
    Ok(text.trim().to_owned())
}

/// A database, as libpq takes it: a URL or pairs of keys and values. Unlike the others it may hold a login, which is not
/// shown: see [`without_user`] and [`has_password`].
pub(crate) fn database(text: &str) -> Result<String, String> {
    if text.contains(super::setting::MASK) {
        return Err("is what is shown in place of the login; give the login itself".to_owned());
    }
    floodway_sources::postgres::check_url(text)?;
    Ok(text.to_owned())
}

/// Whether a key in `text` gives a password.
pub(crate) fn has_password(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.match_indices("password")
        .any(|(at, word)| text[at + word.len()..].trim_start().starts_with('='))
}

/// `text` without what stands between `://` and `@`, which may be a password.
pub(crate) fn without_user(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        // A password may hold anything, commas too: all that comes before the last `@` is hidden.
        let end = rest.find("://").unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            shown.push_str("********");
            rest = &rest[at..];
        }
    }
    shown + rest
}
