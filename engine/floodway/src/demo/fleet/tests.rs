//! Tests of `demo::fleet`.

use std::collections::HashSet;

use super::*;
use floodway_protocol::names::{DeviceId, TenantId};

#[test]
fn every_device_has_a_name_of_its_own_in_one_of_the_tenants() {
    let topics: HashSet<String> = DEVICES.iter().map(Device::topic).collect();
    assert_eq!(topics.len(), DEVICES.len());
    for device in DEVICES {
        assert!(TENANTS.contains(&device.tenant));
        assert!(TenantId::parse(device.tenant).is_ok());
        assert!(DeviceId::parse(device.id).is_ok());
    }
    for tenant in TENANTS {
        assert!(DEVICES.iter().filter(|device| device.tenant == tenant).count() >= 6);
    }
}
