//! Messages as sources hand them over, and the topics that say whose they are.
//!
//! Invariant: what [`parse`] returns are names ([`names::check`]), and [`topic_of`] these gives the topic again.

use floodway_protocol::names;

/// A message as a source hands it over. Its topic is parsed once, here.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    pub(super) topic: &'a [u8],
    pub(super) address: Option<Address<'a>>,
    pub(super) payload: &'a [u8],
}

/// Whose a message is, and the text of its topic, which an event repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    pub(super) topic: &'a str,
    pub(super) tenant: &'a str,
    pub(super) device: &'a str,
}

impl<'a> RawMessage<'a> {
    /// A message with this topic; see [`topic_of`] for a source without topics.
    #[inline]
    pub fn new(topic: &'a [u8], payload: &'a [u8]) -> Self {
        let address = str::from_utf8(topic).ok().and_then(|topic| {
            let (tenant, device) = parse(topic)?;
            Some(Address {
                topic,
                tenant,
                device,
            })
        });
        Self {
            topic,
            address,
            payload,
        }
    }

    /// Whose it is; none if it is not telemetry.
    pub fn tenant(&self) -> Option<&'a str> {
        self.address.map(|address| address.tenant)
    }
}

/// The topic of a device's telemetry.
pub fn topic_of(tenant: &str, device: &str) -> String {
    format!("tenant/{tenant}/device/{device}/telemetry")
}

/// The tenant and the device of `tenant/{tenant}/device/{device}/telemetry`; `None` for any other topic.
#[inline]
pub fn parse(topic: &str) -> Option<(&str, &str)> {
    let (tenant, rest) = topic.strip_prefix("tenant/")?.split_once('/')?;
    let (device, rest) = rest.strip_prefix("device/")?.split_once('/')?;
    let are_names = names::check(tenant).is_ok() && names::check(device).is_ok();
    (rest == "telemetry" && are_names).then_some((tenant, device))
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let topic = topic_of(&tenant, &device);
            prop_assert_eq!(parse(&topic), Some((tenant.as_str(), device.as_str())));
        }

        #[test]
        fn what_is_accepted_is_the_topic_of_its_names(
            topic in "(tenant|x|)/?[a+#/\u{7f}]{0,3}/(device|)/?[b+#/\n]{0,3}/(telemetry|)/?",
        ) {
            if let Some((tenant, device)) = parse(&topic) {
                prop_assert!(names::check(tenant).is_ok() && names::check(device).is_ok());
                prop_assert_eq!(topic_of(tenant, device), topic);
            } else {
                prop_assert!(!matches!(
                    topic.split('/').collect::<Vec<_>>()[..],
                    ["tenant", t, "device", d, "telemetry"] if names::check(t).is_ok() && names::check(d).is_ok()
                ));
            }
        }
    }
}
