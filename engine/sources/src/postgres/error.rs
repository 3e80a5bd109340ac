//! Why there is no connection to the database (any more), or a read failed: in words, with what to look at.
//!
//! The server's own texts are passed on: they name users, databases and tables, never a password.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::tls;
use crate::feed::FeedError;
use crate::source::Attempt;
use floodway_core::printable::printable;

/// Characters of a server's own explanation.
const TEXT_CHARS: usize = 200;

/// What the server was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    /// To let us in.
    Connection,
    /// To listen to `postgres.channel`.
    Listening,
    /// For rows of this table.
    Rows(&'a str),
    /// For the documents of control.
    Documents,
}

pub(super) fn timed_out(awaited: &str, within: Duration) -> FeedError {
    let text = format!("no {awaited} within {within:?} (postgres.connect_timeout_seconds)");
    FeedError { result: Attempt::Timeout, text }
}

pub(super) fn silent(after: Duration) -> FeedError {
    let text = format!("it gave no sign of life for {after:?} after it was asked (postgres.keep_alive_seconds)");
    FeedError { result: Attempt::Timeout, text }
}

/// The error in words.
pub(super) fn in_words(asked: Asked<'_>, error: &Error) -> FeedError {
    let (result, text) = match error.as_db_error() {
        Some(error) => of_server(asked, error),
        None => of_client(error),
    };
    FeedError { result, text }
}

/// An error that the server sent (PostgreSQL 15, appendix A).
fn of_server(asked: Asked<'_>, error: &DbError) -> (Attempt, String) {
    let code = error.code();
    let result = match code.code() {
        "57P01" | "57P02" => Attempt::Broken,
        "57P03" => Attempt::Unreachable,
        _ => Attempt::Refused,
    };
    // It quotes names, and stands in no quotation marks here.
    let said = printable(error.message().as_bytes(), TEXT_CHARS).replace("\\\"", "\"");
    let hint = hint(asked, code);
    (result, format!("{said} ({}){}{hint}", code.code(), if hint.is_empty() { "" } else { "; " }))
}

/// What to look at.
fn hint(asked: Asked<'_>, code: &SqlState) -> String {
    const WITHOUT: &str = "";
    let hint = match (code.code(), asked) {
        ("28P01", _) => "check postgres.username and postgres.password, or the login in postgres.url",
        ("28000", _) => "check the user and sslmode in postgres.url, and the server's pg_hba.conf",
        ("3D000", _) => "check the database in postgres.url",
        ("42501", Asked::Connection) => "GRANT CONNECT ON DATABASE to the user in postgres.url",
        ("42501", Asked::Rows(table)) => {
            return format!("GRANT SELECT ON {table} to the user in postgres.url, and USAGE on its schema");
        }
        ("42501", Asked::Documents) => {
            "make the table floodway_control as docs/control.md has it, and GRANT SELECT, INSERT, UPDATE, DELETE on it to the \
             user in postgres.url; or set control.store"
        }
        ("42703" | "42804", Asked::Documents) => "make the table floodway_control anew, as docs/control.md has it",
        ("42P01" | "3F000", Asked::Rows(_)) => {
            "check postgres.table: it counts as it is written, capital letters too, and needs its schema unless that is in the \
             search_path"
        }
        ("42703" | "42883" | "42804" | "42846" | "42809", Asked::Rows(_)) => {
            "postgres.table needs the columns id (bigint), tenant_id and device_id (text), ts and metrics (json); a view can \
             give it these"
        }
        ("25006", Asked::Listening) => "this server is a standby: LISTEN needs the primary, name that in postgres.url",
        ("53300", _) => {
            "floodway needs two connections; see max_connections, and the limits of the user and the database"
        }
        ("57P01" | "57P02" | "57P03", _) => "it is tried again",
        ("57014", _) => "a statement_timeout that is set for the user or the database ends floodway's reads",
        ("08P01", Asked::Connection) => "what answers may be a pooler: floodway needs a session of its own",
        _ => WITHOUT,
    };
    hint.to_owned()
}

/// An error that was found here. tokio-postgres tells its kinds apart only in words.
fn of_client(error: &Error) -> (Attempt, String) {
    let cause = error.source();
    let io = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    if let Some(fault) = io.and_then(tls::fault) {
        return (Attempt::Refused, fault);
    }
    let words = cause.map(ToString::to_string).unwrap_or_default();
    let is_missing = |what| words == format!("{what} missing");
    match io {
        _ if error.is_closed() => (Attempt::Broken, "it closed the connection without a word".to_owned()),
        _ if is_missing("password") => (Attempt::Refused, "it asks for a password; set postgres.password".to_owned()),
        _ if words == "server does not support TLS" => (Attempt::Refused, no_tls()),
        Some(cause) if cause.kind() == io::ErrorKind::TimedOut => (
            Attempt::Timeout,
            "it can't be reached in time (postgres.connect_timeout_seconds); check postgres.url".to_owned(),
        ),
        Some(cause) if cause.kind() == io::ErrorKind::PermissionDenied && cause.raw_os_error().is_none() => {
            (Attempt::Refused, format!("{cause}, as target_session_attrs in postgres.url demands"))
        }
        Some(cause) if error.to_string() == "error connecting to server" => (
            Attempt::Unreachable,
            format!("it can't be reached: {cause}; check postgres.url, and whether the server is running"),
        ),
        Some(cause) => (Attempt::Broken, format!("the connection broke: {cause}")),
        None if words.is_empty() => (Attempt::Malformed, format!("{error}; check postgres.url")),
        None => (Attempt::Refused, format!("{error}: {}", printable(words.as_bytes(), TEXT_CHARS))),
    }
}

fn no_tls() -> String {
    "it has no TLS, which sslmode in postgres.url or postgres.tls.ca demands; set ssl = on in its postgresql.conf"
        .to_owned()
}
