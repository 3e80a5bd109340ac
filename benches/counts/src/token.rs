//! The check of a token.

use std::hint::black_box;

use floodway_protocol::names::TenantId;
use floodway_server::auth::{Config, Grant, Identity, Refusal, Verifier, sign};
use gungraun::{library_benchmark, library_benchmark_group};

use crate::at_most;

const SECRET: &str = "a secret of thirty-two characters";

struct Presented {
    verifier: Verifier,
    token: String,
}

impl Presented {
    /// A verifier of tokens of `SECRET`, and one that `secret` signed. They are as long as those of `floodway token`.
    fn new(secret: &str) -> Box<Self> {
        let grant = Grant {
            tenant: &TenantId::parse("TENANT1").expect("a valid name"),
            roles: &["customer".to_owned()],
            subject: Some("s001"),
            issuer: None,
            audience: None,
            issued_at: 1_771_243_200,
            // In the year 2286: as many digits as today.
            expires_at: 9_999_999_999,
        };
        let config = Config { hs256_secret: Some(SECRET.to_owned()), ..Config::default() };
        let presented = Box::new(Self {
            verifier: Verifier::start(&config).expect("a key"),
            token: sign(secret, &grant).expect("a token"),
        });
        // What the libraries set up once for all.
        let is_ours = presented.verifier.verify_now(&presented.token, None).is_ok();
        assert_eq!(is_ours, secret == SECRET, "only what we signed is ours");
        presented
    }
}

#[library_benchmark(setup = Presented::new)]
#[bench::ours(args = (SECRET), config = at_most(50_500))] // 45,888
#[bench::forged(args = ("another secret, also long enough!"), config = at_most(36_900))] // 33,464
fn verify(presented: Box<Presented>) -> (Box<Presented>, Result<Identity, Refusal>) {
    let verified = presented.verifier.verify_now(black_box(&presented.token), None);
    (presented, verified)
}

library_benchmark_group!(name = tokens, benchmarks = verify);
