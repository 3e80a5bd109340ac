//! `floodway token`: prints a JWT for trying things out.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::Failure;
use super::flags;
use super::output;
use crate::config::Key;
use floodway_protocol::names::TenantId;
use floodway_server::auth::{self, Grant};

/// Print a JWT signed with the configured HS256 secret, for trying things out
#[derive(clap::Args)]
pub(super) struct Args {
    /// Tenant that the token is for
    #[arg(long, value_parser = TenantId::parse)]
    tenant: TenantId,
    /// Role that the token grants; may be given more than once
    #[arg(long = "role", value_name = "ROLE", default_value = "customer")]
    roles: Vec<String>,
    /// Subject of the token (sub)
    #[arg(long)]
    subject: Option<String>,
    /// How long the token is valid, such as 90s, 30m, 1h
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Tokens count in whole seconds, and one that has expired at once is of no use.
fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if ttl.as_secs() == 0 { Err("must be at least 1s".to_owned()) } else { Ok(ttl) }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let loaded = flags::load(args.config.as_deref(), &[], Key::Optional)?;
    output::warn(&loaded.warnings);
    let auth = &loaded.config.auth;
    let secret = auth.hs256_secret.as_deref().ok_or_else(no_secret)?;
    let subject = args.subject.as_deref();
    let expires_at = unix(SystemTime::now()).saturating_add(args.ttl.as_secs());
    let token = sign(auth, secret, &args.tenant, &args.roles, subject, expires_at)?;
    output::print(&format!("{token}\n"))
}

/// Seconds since 1970.
pub(super) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Signs a token that is valid from now on, with the issuer and the audience that `config` asks for.
pub(super) fn sign(
    config: &auth::Config,
    secret: &str,
    tenant: &TenantId,
    roles: &[String],
    subject: Option<&str>,
    expires_at: u64,
) -> Result<String, Failure> {
    let grant = Grant {
        tenant,
        roles,
        subject,
        issuer: config.issuer.as_deref(),
        audience: config.audience.as_deref(),
        issued_at: unix(SystemTime::now()),
        expires_at,
    };
    auth::sign(secret, &grant).map_err(Failure::running)
}

fn no_secret() -> Failure {
    Failure::Usage("auth.hs256_secret (FLOODWAY_JWT_SECRET) is not set; tokens are signed with it".to_owned())
}
