//! What each subscriber asks for, made before the clock starts: path, token, key, and what it says first.

use crate::Fault;
use crate::args::{Args, Transport};
use crate::dialect::Kind;
use crate::http::Head;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jsonwebtoken::{EncodingKey, Header};
use std::time::{Duration, SystemTime};

/// What RFC 6455 has the server append to the key.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How long a token is good for.
const TOKEN_TIME: Duration = Duration::from_secs(3_600);

/// One subscriber's request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Head of the HTTP request.
    pub(crate) bytes: Vec<u8>,
    /// WebSocket frames to say once the stream is open.
    pub(crate) opening: Vec<u8>,
    /// What `Sec-WebSocket-Accept` has to be.
    accept: Option<String>,
}

/// The claims that the gateway looks at.
#[derive(serde::Serialize)]
struct Claims<'a> {
    sub: String,
    tenant_id: &'a str,
    realm_access: Roles,
    exp: u64,
}

#[derive(serde::Serialize)]
struct Roles {
    roles: [&'static str; 1],
}

impl Request {
    /// The requests of all subscribers.
    pub(crate) fn all(args: &Args) -> Vec<Request> {
        let key = args.secret.as_ref().map(|secret| EncodingKey::from_secret(secret.as_bytes()));
        let each = (0..args.streams).map(|subscriber| Request::new(args, subscriber, key.as_ref()));
        each.collect()
    }

    fn new(args: &Args, subscriber: usize, key: Option<&EncodingKey>) -> Request {
        let token = key.map(|key| token(key, &args.tenant, subscriber));
        let fill = |text: &str| fill(args, text, subscriber, token.as_deref().unwrap_or_default());
        let path = match &args.path {
            Some(path) => fill(path),
            None => fill(&default_path(args, subscriber, token.is_some())),
        };
        let topic = fill(&args.topic.clone().unwrap_or_else(|| default_topic(args)));
        let (fields, accept) = match args.transport {
            Transport::Sse => ("Accept: text/event-stream\r\n".to_owned(), None),
            Transport::Ws => upgrade(args.dialect),
        };
        let connect = &args.connect;
        Request {
            bytes: format!("GET {path} HTTP/1.1\r\nHost: {connect}\r\n{fields}\r\n").into_bytes(),
            opening: args.dialect.opening(&format!("s{subscriber}"), &topic),
            accept,
        }
    }

    /// Whether this answer opens the stream.
    pub(crate) fn accepts(&self, head: &Head) -> Result<(), Fault> {
        match &self.accept {
            Some(accept) => match head.field("sec-websocket-accept") {
                _ if head.status != 101 => Err(Fault("not upgraded")),
                Some(value) if value == accept => Ok(()),
                _ => Err(Fault("another Sec-WebSocket-Accept than the key's")),
            },
            None => match head.field("content-type") {
                _ if head.status != 200 => Err(Fault("not OK")),
                Some(kind) if kind.starts_with("text/event-stream") => Ok(()),
                _ => Err(Fault("no event stream")),
            },
        }
    }
}

fn fill(args: &Args, text: &str, subscriber: usize, token: &str) -> String {
    let device = args.wants().device(subscriber).unwrap_or_default();
    text.replace("{i}", &subscriber.to_string())
        .replace("{device}", &format!("d{device}"))
        .replace("{token}", token)
}

fn default_path(args: &Args, subscriber: usize, token: bool) -> String {
    let path = match (args.dialect, args.transport) {
        (Kind::Floodway, Transport::Ws) => "/api/v1/customer/telemetry/stream",
        (Kind::Floodway, Transport::Sse) => "/api/v1/customer/telemetry/stream/sse",
        (Kind::Mqtt, _) => return "/mqtt".into(),
        (Kind::Bare | Kind::Nats, _) => return "/".into(),
    };
    let wants = args.wants();
    let mut query = Vec::new();
    query.extend(token.then(|| "token={token}".to_owned()));
    query.extend(wants.device(subscriber).map(|_| "device_id={device}".to_owned()));
    query.extend(wants.letter(subscriber).map(|letter| format!("metric=d,n,at,{letter}")));
    match query.is_empty() {
        true => path.into(),
        false => format!("{path}?{}", query.join("&")),
    }
}

fn default_topic(args: &Args) -> String {
    let tenant = &args.tenant;
    match (args.dialect, args.wants().one_of) {
        (Kind::Nats, None) => "telemetry.>".into(),
        (Kind::Nats, Some(_)) => "telemetry.{device}".into(),
        (_, None) => format!("tenant/{tenant}/device/+/telemetry"),
        (_, Some(_)) => format!("tenant/{tenant}/device/{{device}}/telemetry"),
    }
}

/// The fields that ask for a WebSocket, and what the server has to answer.
fn upgrade(kind: Kind) -> (String, Option<String>) {
    let mut key = [0; 16];
    rand::fill(&mut key).expect("the operating system has random bytes");
    let key = BASE64.encode(key);
    let protocol = match kind {
        Kind::Mqtt => "Sec-WebSocket-Protocol: mqtt\r\n",
        _ => "",
    };
    let fields = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{protocol}"
    );
    let text = format!("{key}{ACCEPT_SUFFIX}");
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    (fields, Some(BASE64.encode(digest)))
}

fn token(key: &EncodingKey, tenant: &str, subscriber: usize) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let claims = Claims {
        sub: format!("s{subscriber:03}"),
        tenant_id: tenant,
        realm_access: Roles { roles: ["customer"] },
        exp: (now.expect("a clock after 1970") + TOKEN_TIME).as_secs(),
    };
    jsonwebtoken::encode(&Header::default(), &claims, key).expect("these claims can be signed")
}
