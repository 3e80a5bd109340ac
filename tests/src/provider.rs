//! An identity provider that publishes a JWK set (RFC 7517), and signs with the keys that it has or will have.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::token::Token;

/// A provider on loopback. It ends with the test's runtime.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    keys: BTreeMap<&'static str, EncodingKey>,
}

impl Provider {
    /// A provider that answers 503, and will have keys of these names: PEM files with EC keys on P-256.
    ///
    /// # Panics
    /// If there is no port, or one is no such key.
    pub async fn away(keys: &[(&'static str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new(status("503 Service Unavailable")));
        let answers = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers.lock().expect("no holder panics").clone();
                tokio::spawn(serve(stream, answer));
            }
        });
        let key = |pem: &str| EncodingKey::from_ec_pem(pem.as_bytes()).expect("an EC key");
        Self { address, answer, keys: keys.iter().map(|(id, pem)| (*id, key(pem))).collect() }
    }

    /// Where it publishes.
    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// From now on these keys are published, and no others.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn publish(&self, ids: &[&str]) {
        let keys: Vec<String> = ids.iter().map(|id| self.jwk(id)).collect();
        let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        self.answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// From now on it sends everybody to another address, which publishes nothing.
    ///
    /// # Panics
    /// Never, unless a holder of its lock has panicked.
    pub fn redirect(&self, to: &str) {
        self.answer(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    }

    /// `token` signed with this key, which need not be published.
    pub fn sign(&self, token: Token, id: &str) -> String {
        let key = self.keys[id].clone();
        token.signed_with(Algorithm::ES256, key).key_id(id).sign()
    }

    fn answer(&self, answer: String) {
        *self.answer.lock().expect("no holder panics") = answer;
    }

    fn jwk(&self, id: &str) -> String {
        let jwk = Jwk::from_encoding_key(&self.keys[id], Algorithm::ES256);
        let mut jwk = jwk.expect("a key that can be published");
        jwk.common.key_id = Some(id.to_owned());
        serde_json::to_string(&jwk).expect("JSON")
    }
}

fn status(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
}

/// Reads a request's head, and answers it.
async fn serve(mut stream: TcpStream, answer: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    // Who hangs up does not want the answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}
