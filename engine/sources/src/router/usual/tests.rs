//! Tests of `router::usual`.

use super::*;
use crate::router::{Template, Topics};
use proptest::prelude::*;

#[test]
fn a_telemetry_topic_names_its_tenant_and_device() {
    assert_eq!(parse("tenant/T/device/D 1/telemetry"), Some(("T", "D 1")));
}

#[test]
fn any_other_topic_is_none_of_ours() {
    let long = format!("tenant/{}/device/D/telemetry", "x".repeat(257));
    for topic in [
        "",
        "tenant",
        "tenant//device/D/telemetry",
        "tenant/T/device//telemetry",
        "tenant/T/device/D/status",
        "tenant/T/device/D/telemetry/",
        "tenant/T/device/D/telemetry/more",
        "tenant/T/group/D/telemetry",
        "/tenant/T/device/D/telemetry",
        "Tenant/T/device/D/telemetry",
        "tenant/+/device/D/telemetry",
        "tenant/T/device/#/telemetry",
        "tenant/T/device/D\n/telemetry",
        &long,
    ] {
        assert_eq!(parse(topic), None, "{topic:?}");
    }
}

proptest! {
    #[test]
    fn every_pair_of_names_comes_back_from_its_topic(tenant in "[^/+#\\pC]{1,60}", device in "[^/+#\\pC]{1,60}") {
        let topic = Topics::default().topic_of(&tenant, &device);
        prop_assert_eq!(parse(&topic), Some((tenant.as_str(), device.as_str())));
    }

    #[test]
    fn what_is_found_is_what_the_usual_template_finds(
        topic in "(tenant|x|)/?[a+#/\u{7f}]{0,3}/(device|)/?[b+#/\n]{0,3}/(telemetry|)/?",
    ) {
        let template: Template = USUAL.parse().unwrap();
        let found = template.find(&topic).map(|found| (found.tenant.unwrap(), found.device));
        prop_assert_eq!(parse(&topic), found);
    }
}
