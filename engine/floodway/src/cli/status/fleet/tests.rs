//! Tests of `cli::status::fleet`.

use floodway_proto::admin::v1::Node;

use super::*;

#[test]
fn a_fleet_ends_with_its_sum() {
    let gateway = Gateway {
        node: Some(Node { name: "gw-1".to_owned(), ..Node::default() }),
        answering: true,
        ..Gateway::default()
    };
    let two = Fleet {
        gateways: vec![gateway.clone(), gateway],
        total: Some(Load { websocket: 12, ..Load::default() }),
        synced: false,
    };
    let text = fleet(&two);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("gw-1 * "), "{text}");
    assert!(lines[3].starts_with("2 gateways") && lines[3].contains("12"), "{text}");
    assert!(lines[4].contains("does not follow"), "{text}");
}
