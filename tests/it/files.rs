//! The files of the pages, as HTTP: on which listener, under which setting, with what in the head.

use std::process::Command;

use floodway_tests::certificates::Authority;
use floodway_tests::process::run;
use floodway_tests::{Broker, Gateway, STATUS_PATH, within};
use reqwest::{Client, ClientBuilder, Method, Response};

async fn ask(client: &Client, method: Method, url: &str) -> Response {
    let request = client.request(method, url);
    within("an answer", request.send()).await.expect("an answer")
}

/// A page that comes whole, and may load nothing from elsewhere.
async fn is_page(client: &Client, url: &str) {
    let page = ask(client, Method::GET, url).await;
    assert_eq!(page.status(), 200, "{url}");
    let head = page.headers().clone();
    assert_eq!(head["content-type"], "text/html; charset=utf-8");
    assert!(
        head["content-security-policy"]
            .to_str()
            .expect("text")
            .starts_with("default-src 'none'; ")
    );
    assert_eq!(
        (&head["x-content-type-options"], &head["referrer-policy"]),
        (&"nosniff".parse().unwrap(), &"no-referrer".parse().unwrap())
    );
    let text = page.text().await.expect("text");
    assert!(text.starts_with("<!doctype html>") && text.trim_end().ends_with("</html>"), "{text}");
    let again = client.get(url).header("if-none-match", &head["etag"]);
    let again = within("an answer", again.send()).await.expect("an answer");
    assert_eq!((again.status().as_u16(), again.text().await.expect("none")), (304, String::new()));
    let empty = ask(client, Method::HEAD, url).await;
    assert_eq!((empty.status().as_u16(), &empty.headers()["content-length"]), (200, &head["content-length"]));
    let post = ask(client, Method::POST, url).await;
    assert_eq!((post.status().as_u16(), &post.headers()["allow"]), (405, &"GET, HEAD".parse().unwrap()));
}

fn client() -> ClientBuilder {
    Client::builder().no_proxy()
}

#[tokio::test]
async fn the_operators_page_needs_no_token_and_shows_nothing_by_itself() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_ADMIN_TOKEN", "s3cret").await;
    for client in [client().build().unwrap(), client().http2_prior_knowledge().build().unwrap()] {
        is_page(&client, &format!("http://{}/", gateway.admin())).await;
        let metrics = ask(&client, Method::GET, &format!("http://{}/metrics", gateway.admin())).await;
        assert_eq!(metrics.status(), 401);
    }
    assert_eq!(
        ask(gateway.http(), Method::GET, &gateway.url("/")).await.status(),
        404,
        "not on the public listener"
    );
}

#[tokio::test]
async fn the_live_page_is_served_where_it_is_set_and_nothing_else_with_it() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_LIVE_PAGE", "true").await;
    for client in [client().build().unwrap(), client().http2_prior_knowledge().build().unwrap()] {
        is_page(&client, &gateway.url("/?tenant=T")).await;
        let script = ask(&client, Method::GET, &gateway.url("/floodway.js")).await;
        assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
        for (path, status) in [("/index.html", 404), ("/floodway.js/", 404), ("/metrics", 404), (STATUS_PATH, 200)] {
            let answer = ask(&client, Method::GET, &gateway.url(path)).await;
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}

#[tokio::test]
async fn the_live_page_comes_by_tls_as_well() {
    let broker = Broker::start().await;
    let authority = Authority::new("ours");
    let server = authority.vouch(&["127.0.0.1"]);
    let launch = Gateway::start(&broker).env("FLOODWAY_LIVE_PAGE", "true").unready();
    let gateway = launch.env("FLOODWAY_TLS_CERT", &server.cert).env("FLOODWAY_TLS_KEY", &server.key).await;
    let ca = authority.file();
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--show-error", "--noproxy", "*", "--cacert", &ca, version]);
        curl.arg(format!("https://{}/", gateway.address()));
        let page = run("curl", curl).await.succeeded();
        assert!(page.starts_with("<!doctype html>"), "{version}: {page}");
    }
}
