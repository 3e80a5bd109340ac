//! A token in a cookie: where it is looked for, and for whose pages it is good.

use floodway_tests::gateway::Launch;
use floodway_tests::stream::h2_client;
use floodway_tests::{Broker, Gateway, SSE_PATH, WS_PATH, Ws, token};
use serde_json::json;

fn by_cookie(broker: &Broker) -> Launch {
    let launch = Gateway::start(broker).env("FLOODWAY_JWT_COOKIE", "access_token");
    launch.env("FLOODWAY_ALLOWED_ORIGINS", "https://app.example")
}

fn cookie(tenant: &str) -> String {
    format!("theme=dark; access_token={}; x=y", token(tenant).sign())
}

#[tokio::test]
async fn a_cookie_opens_a_stream_where_it_is_named_and_only_there() {
    let broker = Broker::start().await;
    let (named, unnamed) = (by_cookie(&broker).await, Gateway::start(&broker).await);
    let cookie = cookie("T1");
    let headers = [("cookie", cookie.as_str())];
    assert_eq!(named.sse_response(None, "", &headers).await.status(), 200);
    assert_eq!(unnamed.sse_response(None, "", &headers).await.status(), 401);
    let headers = [("cookie", cookie.clone())];
    let mut ws = Ws::open(named.address(), WS_PATH, &headers).await.expect("an upgrade");
    ws.read_connected().await;
    assert_eq!(ws.connected()["tenant_id"], "T1");
}

#[tokio::test]
async fn a_cookie_is_looked_at_last_and_an_empty_token_is_none() {
    let broker = Broker::start().await;
    let gateway = by_cookie(&broker).await;
    let tenant = async |query: &str, headers: &[(&str, String)]| {
        let headers = [headers, &[("cookie", cookie("COOKIE"))]].concat();
        let path = format!("{WS_PATH}?{query}");
        let mut ws = Ws::open(gateway.address(), &path, &headers).await.expect("an upgrade");
        ws.read_connected().await;
        ws.connected()["tenant_id"].clone()
    };
    let by_query = format!("token={}", token("QUERY").sign());
    let protocols = |token: &str| ("sec-websocket-protocol", format!("floodway.v1, bearer.{token}"));
    assert_eq!(tenant("", &[]).await, "COOKIE");
    assert_eq!(tenant("token=", &[("authorization", "Bearer ".to_owned())]).await, "COOKIE");
    assert_eq!(tenant(&by_query, &[("authorization", "Bearer ".to_owned())]).await, "QUERY");
    let by_protocol = protocols(&token("PROTOCOL").sign());
    assert_eq!(tenant("token=", &[by_protocol]).await, "PROTOCOL");
}

#[tokio::test]
async fn a_cookie_is_not_good_for_the_pages_of_others() {
    let broker = Broker::start().await;
    let gateway = by_cookie(&broker).await;
    let cookie = cookie("T1");
    let own = format!("http://{}", gateway.address());
    for (what, headers, status) in [
        ("no origin", &[][..], 200),
        ("its own page", &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")], 200),
        ("a listed page", &[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")], 200),
        ("a foreign page", &[("origin", "https://evil.example")], 403),
        ("a foreign image", &[("sec-fetch-site", "cross-site")], 403),
    ] {
        let headers = [headers, &[("cookie", cookie.as_str())]].concat();
        let response = gateway.sse_response(None, "", &headers).await;
        assert_eq!(response.status(), status, "{what}");
    }
    let foreign = [("cookie", cookie.clone()), ("origin", "https://evil.example".to_owned())];
    let refused = Ws::open(gateway.address(), WS_PATH, &foreign).await;
    assert_eq!(refused.expect_err("no upgrade").status(), 403);
    // Who shows a token that no browser sends by itself is no browser that was misled.
    let cross_site = [("sec-fetch-site", "cross-site"), ("cookie", cookie.as_str())];
    let good = token("T1").sign();
    let response = gateway.sse_response(Some(&good), "", &cross_site).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn where_every_origin_is_allowed_a_cookie_is_good_for_none_of_them() {
    let broker = Broker::start().await;
    let gateway = by_cookie(&broker).env("FLOODWAY_ALLOWED_ORIGINS", "*").await;
    let cookie = cookie("T1");
    let any = [("origin", "https://any.example"), ("cookie", cookie.as_str())];
    assert_eq!(gateway.sse_response(None, "", &any).await.status(), 403);
    let good = token("T1").sign();
    assert_eq!(gateway.sse_response(Some(&good), "", &any).await.status(), 200);
}

#[tokio::test]
async fn over_http_2_a_cookie_may_come_in_parts() {
    let broker = Broker::start().await;
    let gateway = by_cookie(&broker).await;
    let request = h2_client().get(gateway.url(SSE_PATH));
    let jwt = format!("access_token={}", token("T1").sign());
    let request = request.header("cookie", "theme=dark").header("cookie", jwt);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn tokens_in_the_query_can_be_switched_off() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env("FLOODWAY_AUTH_QUERY_TOKEN", "false").await;
    let good = token("T1").sign();
    let refused = gateway.ws_refused(None, &format!("token={good}")).await;
    assert_eq!(refused, (4001, "Missing token parameter".to_owned()));
    gateway.ws_with(&good, "").await;
}

#[tokio::test]
async fn a_tenant_can_be_chosen_among_those_of_the_token() {
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let two = token("T1").claim("organization", json!([{"ACME": {}}, {"BETA": {"id": "2"}}]));
    let two = two.sign();
    for (query, tenant) in [("", "ACME"), ("tenant=BETA", "BETA"), ("tenant=", "ACME")] {
        let ws = gateway.ws_with(&two, query).await;
        assert_eq!(ws.connected()["tenant_id"], tenant, "{query}");
    }
    let refused = gateway.ws_refused(Some(&two), "tenant=T1").await;
    assert_eq!(refused, (4003, "Token is for another tenant".to_owned()));
    // The tenant is judged before what the query asks for.
    let (status, _) = gateway.sse_refused(Some(&two), "tenant=GAMMA&device_id=a%2Fb").await;
    assert_eq!(status, 403);
    let mut ws = gateway.ws_with(&two, "tenant=BETA").await;
    let refresh = json!({"action": "refresh", "token": two});
    assert_eq!(ws.ask(refresh).await["type"], "refreshed", "it stays with its tenant");
}
