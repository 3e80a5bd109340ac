//! URLs as they are written, and what is made of them.

use super::*;

fn all(url: &str) -> Result<Vec<Endpoint>, String> {
    parse(url, &Config::default())
}

fn one(url: &str) -> Endpoint {
    let mut all = all(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    assert_eq!(all.len(), 1, "{url}");
    all.remove(0)
}

#[test]
fn a_url_and_pairs_say_the_same() {
    for url in [
        "postgres://u:p%40s%27s@db.example:6000/iot?sslmode=verify-full&application_name=x",
        "postgresql://u:p%40s%27s@db.example:6000/iot?application_name=x&sslmode=require",
        r"host=db.example port=6000 user = u password='p@s\'s' dbname=iot sslmode=verify-ca application_name='x'",
    ] {
        let endpoint = one(url);
        assert_eq!(endpoint.to_string(), "postgres://db.example:6000/iot");
        assert_eq!(endpoint.pg.get_user(), Some("u"));
        assert_eq!(endpoint.pg.get_password(), Some(&b"p@s's"[..]));
        assert_eq!(endpoint.pg.get_application_name(), Some("x"));
        assert_eq!(endpoint.pg.get_ssl_mode(), SslMode::Require);
        assert!(!endpoint.may_go_in_the_clear);
    }
}

#[test]
fn each_host_is_an_endpoint_of_its_own() {
    let shown = |url| all(url).expect("good").iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        shown("postgres://u@a:1,b,[::1]:3/iot?target_session_attrs=read-write"),
        ["postgres://a:1/iot", "postgres://b:5432/iot", "postgres://[::1]:3/iot"]
    );
    assert_eq!(shown("host=a,b port=7"), ["postgres://a:7", "postgres://b:7"]);
    assert_eq!(shown("host=/run/postgresql dbname=iot"), ["postgres:/run/postgresql/.s.PGSQL.5432/iot"]);
    assert_eq!(shown("hostaddr=127.0.0.1"), ["postgres://127.0.0.1:5432"]);
    assert!(all("host=a,b,c port=1,2").is_err());
    assert!(all("postgres:///iot").is_err_and(|error| error.starts_with("names no host")));
}

#[test]
fn who_asks_for_tls_never_goes_in_the_clear() {
    let with_ca = Config { ca: Some("ca.pem".into()), ..Config::default() };
    for (sslmode, mode, with) in [
        ("", SslMode::Prefer, Some(SslMode::Require)),
        ("?sslmode=prefer", SslMode::Prefer, Some(SslMode::Require)),
        ("?sslmode=disable", SslMode::Disable, None),
        ("?sslmode=require", SslMode::Require, Some(SslMode::Require)),
        ("?sslmode=disable&sslmode=verify-full", SslMode::Require, Some(SslMode::Require)),
    ] {
        let url = format!("postgres://db/iot{sslmode}");
        let endpoint = one(&url);
        assert_eq!(endpoint.pg.get_ssl_mode(), mode, "{sslmode}");
        assert_eq!(endpoint.may_go_in_the_clear, mode == SslMode::Prefer);
        let found = parse(&url, &with_ca).map(|all| all[0].pg.get_ssl_mode());
        assert_eq!(found.ok(), with, "{sslmode} with postgres.tls.ca");
    }
    assert_eq!(
        one("host=/run/postgresql sslmode=require").pg.get_ssl_mode(),
        SslMode::Disable,
        "never leaves the machine"
    );
    for sslmode in ["allow", "", "verify", "VERIFY-FULL"] {
        let error = all(&format!("postgres://db/iot?sslmode={sslmode}")).err().expect("refused");
        assert!(error.contains("verify-full"), "{error}");
    }
}

#[test]
fn what_the_url_leaves_open_comes_from_the_settings() {
    let config = Config {
        username: Some("user".to_owned()),
        password: Some("word".to_owned()),
        ..Config::default()
    };
    let login = |url| {
        let pg = parse(url, &config).expect("good").remove(0).pg;
        (pg.get_user().map(str::to_owned), pg.get_password().map(<[u8]>::to_vec))
    };
    assert_eq!(login("postgres://db"), (Some("user".to_owned()), Some(b"word".to_vec())));
    assert_eq!(login("postgres://u:p@db"), (Some("u".to_owned()), Some(b"p".to_vec())));
    let pg = one("postgres://db").pg;
    assert_eq!(pg.get_keepalives_idle(), Config::default().keep_alive);
    assert_eq!(one("postgres://db?keepalives_idle=7").pg.get_keepalives_idle(), Duration::from_secs(7));
}

#[test]
fn errors_and_endpoints_show_no_login() {
    for url in [
        "postgres://us3r:s3cret@s3cret@db/iot",
        "postgres://us3r:s3/cret@db/iot",
        "postgres://us3r:s3cret@db:s3cret/iot",
        "postgres://us3r:s3cret@db/iot?s3cret=s3cret",
        "postgres://us3r:s3cret@db/iot?s3cret",
        "postgres://us3r:s3cret@db/iot?connect_timeout=s3cret",
        "postgres://us3r:s3cret@db/iot?sslmode=s3cret",
        "postgres://us3r:s3cret@db/iot?sslrootcert=s3cret",
        "host=db password=s3cret s3cret",
        "host=db password='s3cret",
        "s3cret",
        "mysql://us3r:s3cret@db",
    ] {
        let error = all(url).err().unwrap_or_else(|| panic!("{url} is taken"));
        assert!(!error.contains("s3") && !error.contains("cret"), "{url}: {error}");
    }
    let endpoint = one("postgres://us3r:s3cret@db/iot");
    assert_eq!(endpoint.to_string(), "postgres://db:5432/iot");
    let hint = all("postgres://db/iot?sslrootcert=x").err().expect("refused");
    assert!(hint.contains("postgres.tls.ca"), "{hint}");
}
