//! What devices publish: payloads that are no telemetry, and topics that are not theirs.

use floodway_tests::topic;

use super::Scene;

/// Never an event, whatever the reason.
fn payloads() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "\n",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "\"text\"",
        "[]",
        "[[{}]]",
        "[1,2",
        "{",
        "}",
        "{{}}",
        "{]",
        "{}{}",
        "{},",
        "{}x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{:1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-}",
        "{\"a\":--1}",
        "{\"a\":1e+}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":TRUE}",
        "{\"a\":\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":{]}",
        "{\"a\":(1)}",
        "{\"a\":1}//",
        "/*c*/{}",
        "#{}",
        "{\"a\":1;}",
        "\u{feff}\u{feff}{}",
        "{}\u{0}x",
        "\u{0}{}",
        "{\"metrics\":null}",
        "{\"metrics\":[]}",
        "{\"metrics\":\"a\"}",
        "{\"metrics\":1}",
        "{\"metrics\":true}",
        "{\"metrics\":[{\"n\":1}]}",
        "{\"metrics\":{}",
        "{\"metrics\":{\"n\":}}",
        "{\"metrics\":{\"n\":1}",
        "{\"metrics\":{\"n\":1}}}",
        "{\"metrics\":{n:1}}",
        "{\"metrics\":{\"n\" 1}}",
        "{\"metrics\":{\"n\":1,,\"m\":2}}",
        "{\"metrics\":{1:2}}",
        "{\"metrics\":{},\"metrics\":7}",
        "{\"ts\":}",
        "{\"ts\":tomorrow}",
        "<xml/>",
        "a=1&b=2",
        "n,1\nm,2",
        "GET / HTTP/1.1\r\n\r\n",
        "{\"metrics\":{\"n\":1}}\r\n\r\nevent: connected\ndata: {}\n\n",
    ];
    let mut payloads: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    payloads.extend([
        vec![0xff],
        vec![0; 1000],
        vec![0xff; 1000],
        b"{\"a\":\"\xff\"}".to_vec(),
        b"{\"a\":\"\xc0\x80\"}".to_vec(),
        b"{\"a\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"\xff\":1}".to_vec(),
        b"\xff\xfe{\0}\0".to_vec(),
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(20_000).into_bytes(),
        format!("{{\"a\":{}1{}}}", "[".repeat(33), "]".repeat(33)).into_bytes(),
        format!("{{\"metrics\":{{\"a\":{}1{}}}}}", "{\"a\":".repeat(1000), "}".repeat(1000)).into_bytes(),
        format!("{{\"a\":\"{}\"}}", "x".repeat(200_000)).into_bytes(),
        format!("{{\"metrics\":{{\"a\":\"{}\"}}}}", "x".repeat(300_000)).into_bytes(),
        format!("{{\"metrics\":{{{}}}}}", metrics(2000)).into_bytes(),
        "\"".repeat(10_001).into_bytes(),
        "{\"a\":\"\\".repeat(3_000).into_bytes(),
    ]);
    payloads
}

fn metrics(count: usize) -> String {
    let metrics: Vec<String> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
    metrics.join(",")
}

/// Not a device's telemetry, or a name that may not be one.
fn topics() -> Vec<String> {
    let mut topics: Vec<String> = [
        "tenant//device/A/telemetry",
        "tenant/GOOD/device//telemetry",
        "tenant/GOOD/device/A/telemetry/",
        "/tenant/GOOD/device/A/telemetry",
        "tenant/GOOD/device/A/B/telemetry",
        "tenant/GOOD/device/A/status",
        "tenant/GOOD/device/A/Telemetry",
        "tenant/GOOD/device/A",
        "tenant/GOOD/device/telemetry",
        "tenant/GOOD/telemetry",
        "tenants/GOOD/device/A/telemetry",
        "tenant/GOOD/devices/A/telemetry",
        "TENANT/GOOD/DEVICE/A/TELEMETRY",
        "tenant/GOOD/device/A/telemetry2",
        "telemetry",
        "/",
        "//",
        "////",
        "floodway/control/limits",
        "tenant",
        "tenant/GOOD",
        "tenant/GOOD/device/A/telemetry/more",
        " tenant/GOOD/device/A/telemetry",
        "$tenant/GOOD/device/A/telemetry",
    ]
    .map(str::to_owned)
    .into();
    topics.push(topic("GOOD", &"d".repeat(257)));
    topics.push(topic("GOOD", &"d".repeat(10_000)));
    topics.push(topic(&"t".repeat(257), "A"));
    topics.push("x/".repeat(150));
    topics
}

#[tokio::test]
async fn bad_messages_are_dropped_one_by_one() {
    let mut scene = Scene::start().await;
    for payload in payloads() {
        scene.publisher.telemetry("GOOD", "A", payload.clone()).await;
        let start = String::from_utf8_lossy(&payload[..payload.len().min(60)]).into_owned();
        scene.unharmed_by(format!("payload of {} bytes: {start:?}", payload.len())).await;
    }
    for topic in topics() {
        // The broker may end a publisher for its topic: it is none of the neighbour's.
        let mut stranger = scene.broker.publisher().await;
        stranger.send(&topic, r#"{"metrics":{"n":666}}"#).await;
        stranger.gone_or_settled().await;
        scene
            .unharmed_by(format!("topic of {} bytes: {}", topic.len(), &topic[..topic.len().min(60)]))
            .await;
    }
    scene.leaves_nothing(125).await;
}

#[tokio::test]
async fn noise_is_dropped_whatever_it_holds() {
    let mut scene = Scene::start().await;
    let mut random = fastrand::Rng::with_seed(7);
    let good = br#"{"ts":"2026-02-16T12:00:00Z","metrics":{"n":72.10,"text":"a\u00e9","list":[1,{"x":null}]}}"#;
    for round in 0..40 {
        for _ in 0..25 {
            let mut payload = good.to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..payload.len());
                payload[at] = random.u8(..);
            }
            payload.truncate(random.usize(1..=payload.len()));
            // To another tenant: some of it is still telemetry.
            scene.publisher.send(&topic("NOISY", "A"), payload).await;
        }
        scene.unharmed_by(format!("noise of round {round}")).await;
    }
    scene.leaves_nothing(40).await;
}
