//! Addresses of servers: `postgres.url` as people know it from libpq, taken apart into one endpoint for each host.
//!
//! Each host is an endpoint of its own, so that both connections go to the same one. Invariants: an endpoint is shown without
//! its login, and so are errors; who asks for TLS never goes in the clear.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tokio_postgres::Config as Pg;
use tokio_postgres::config::{Host, SslMode};

use super::Config;

/// PostgreSQL's own port.
const PORT: u16 = 5432;

/// What tokio-postgres has where a URL does not say when to probe an idle connection.
const PROBES_UNSET: Duration = Duration::from_secs(2 * 60 * 60);

const FORM: &str = "expected postgres://user@host:5432/database?sslmode=verify-full, or key=value pairs as libpq takes them; \
                    user name and password percent-encoded in a URL";

/// One host of one URL.
pub(super) struct Endpoint {
    pub(super) pg: Pg,
    shown: String,
    /// TLS is used if the server has it, and else not: who sits between can switch it off.
    pub(super) may_go_in_the_clear: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// What `sslmode` asks for. Our client verifies certificate and name wherever it speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Clear,
    IfThere,
    Tls,
}

impl Wish {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "disable" => Ok(Self::Clear),
            "prefer" => Ok(Self::IfThere),
            "require" | "verify-ca" | "verify-full" => Ok(Self::Tls),
            _ => Err("sslmode must be one of disable, prefer, require, verify-ca, verify-full".to_owned()),
        }
    }
}

/// The endpoints of one item of `postgres.url`.
///
/// # Errors
/// Says what is wrong, without a word of the URL: it may hold a password.
pub(super) fn parse(url: &str, config: &Config) -> Result<Vec<Endpoint>, String> {
    let (rest, word) = without_sslmode(url)?;
    let mut wish = word.as_deref().map_or(Ok(Wish::IfThere), Wish::parse)?;
    if config.ca.is_some() {
        if wish == Wish::Clear {
            return Err("sslmode=disable contradicts postgres.tls.ca; remove one of the two".to_owned());
        }
        wish = Wish::Tls;
    }
    let pg: Pg = rest.parse().map_err(|error| refusal(&error))?;
    let count = pg.get_hosts().len().max(pg.get_hostaddrs().len());
    if count == 0 {
        return Err(format!("names no host; {FORM}"));
    }
    let is_one_each = |given: usize| given == 0 || given == count;
    let are_ports = pg.get_ports().len() == 1 || is_one_each(pg.get_ports().len());
    if !are_ports || !is_one_each(pg.get_hosts().len()) || !is_one_each(pg.get_hostaddrs().len()) {
        return Err("needs as many ports and addresses as hosts, or one port for all".to_owned());
    }
    Ok((0..count).map(|number| endpoint(&pg, number, wish, config)).collect())
}

/// The host of this number alone.
fn endpoint(all: &Pg, number: usize, wish: Wish, config: &Config) -> Endpoint {
    let mut pg = common(all, config);
    let ports = all.get_ports();
    let port = ports.get(number).or(ports.first()).copied().unwrap_or(PORT);
    pg.port(port);
    let address = all.get_hostaddrs().get(number).copied();
    if let Some(address) = address {
        pg.hostaddr(address);
    }
    let mut wish = wish;
    let place = match all.get_hosts().get(number) {
        Some(Host::Unix(folder)) => {
            // What goes over it never leaves the machine, and PostgreSQL speaks no TLS there.
            wish = Wish::Clear;
            pg.host_path(folder);
            format!("{}/.s.PGSQL.{port}", folder.display())
        }
        Some(Host::Tcp(host)) => {
            pg.host(host);
            if host.contains(':') {
                format!("//[{host}]:{port}")
            } else {
                format!("//{host}:{port}")
            }
        }
        None => format!("//{}:{port}", address.map(|address| address.to_string()).unwrap_or_default()),
    };
    pg.ssl_mode(match wish {
        Wish::Clear => SslMode::Disable,
        Wish::IfThere => SslMode::Prefer,
        Wish::Tls => SslMode::Require,
    });
    let database = all.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    Endpoint {
        pg,
        shown: format!("postgres:{place}{database}"),
        may_go_in_the_clear: wish == Wish::IfThere,
    }
}

/// What all hosts of a URL have in common. What stands in the URL counts before the settings.
fn common(all: &Pg, config: &Config) -> Pg {
    let mut pg = Pg::new();
    if let Some(user) = all.get_user().or(config.username.as_deref()) {
        pg.user(user);
    }
    if let Some(password) = all.get_password().or(config.password.as_deref().map(str::as_bytes)) {
        pg.password(password);
    }
    if let Some(name) = all.get_dbname() {
        pg.dbname(name);
    }
    if let Some(options) = all.get_options() {
        pg.options(options);
    }
    pg.application_name(all.get_application_name().unwrap_or("floodway"));
    pg.connect_timeout(all.get_connect_timeout().copied().unwrap_or(config.connect_timeout));
    pg.tcp_user_timeout(all.get_tcp_user_timeout().copied().unwrap_or(config.keep_alive * 2));
    pg.keepalives(all.get_keepalives());
    let idle = all.get_keepalives_idle();
    pg.keepalives_idle(if idle == PROBES_UNSET { config.keep_alive } else { idle });
    pg.keepalives_interval(all.get_keepalives_interval().unwrap_or(config.keep_alive / 3));
    pg.keepalives_retries(all.get_keepalives_retries().unwrap_or(3));
    pg.ssl_negotiation(all.get_ssl_negotiation());
    pg.target_session_attrs(all.get_target_session_attrs());
    pg.channel_binding(all.get_channel_binding());
    pg
}

/// The URL without `sslmode`, of which tokio-postgres does not know every value, and that value.
fn without_sslmode(url: &str) -> Result<(String, Option<String>), String> {
    let scheme = ["postgres://", "postgresql://"].into_iter().find(|scheme| url.starts_with(scheme));
    let Some(scheme) = scheme else {
        return pairs_without_sslmode(url).ok_or_else(|| FORM.to_owned());
    };
    let rest = &url[scheme.len()..];
    let (authority, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // Else a part of a password would be taken for a host, and shown.
    if authority.matches('@').count() > 1 || behind.contains('@') {
        return Err(FORM.to_owned());
    }
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    let (mut kept, mut sslmode) = (Vec::new(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.strip_prefix("sslmode=") {
            Some(value) => sslmode = Some(value.to_owned()),
            None => kept.push(pair),
        }
    }
    let mark = if kept.is_empty() { "" } else { "?" };
    Ok((format!("{scheme}{authority}{path}{mark}{}", kept.join("&")), sslmode))
}

/// The same for libpq's pairs (PostgreSQL 15, 34.1.1.1).
fn pairs_without_sslmode(text: &str) -> Option<(String, Option<String>)> {
    let (mut kept, mut sslmode, mut rest) = (String::new(), None, text.trim_start());
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=')?;
        let (value, behind) = value(behind.trim_start())?;
        match key.trim_end() {
            "sslmode" => sslmode = Some(value),
            key => kept.push_str(&format!("{key}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'"))),
        }
        rest = behind.trim_start();
    }
    Some((kept, sslmode))
}

/// The value at the beginning of `text`, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let (inside, is_quoted) = text.strip_prefix('\'').map_or((text, false), |inside| (inside, true));
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if is_quoted => return Some((value, &inside[at + 1..])),
            c if c.is_whitespace() && !is_quoted => return Some((value, &inside[at..])),
            c => value.push(c),
        }
    }
    (!is_quoted).then_some((value, ""))
}

/// Why tokio-postgres does not take it. Of its words only the names of options are passed on.
fn refusal(error: &tokio_postgres::Error) -> String {
    const KNOWN: &[&str] = &[
        "ssl",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "sslcompression",
        "sslsni",
        "passfile",
        "service",
        "gssencmode",
        "krbsrvname",
        "fallback_application_name",
        "client_encoding",
        "replication",
        "requirepeer",
        "schema",
    ];
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if let Some(option) = cause.strip_prefix("invalid value for option ") {
        return format!("has no valid value for {}", option.trim_matches('`'));
    }
    let option = KNOWN.iter().find(|option| cause == format!("unknown option `{option}`"));
    match option {
        Some(&option @ ("ssl" | "sslrootcert")) => {
            format!(
                "has the option {option}, which is not taken; set sslmode=verify-full, and postgres.tls.ca if need be"
            )
        }
        Some(option) => format!("has the option {option}, which is not taken"),
        None => FORM.to_owned(),
    }
}

#[cfg(test)]
mod tests;
