//! Names of query parameters that resemble a filter's, and are none.
//!
//! To ignore one would widen what the client gets: who asks for `device=A` would be sent every device. Parameters that
//! resemble none are others' affair: cache busters, and what a proxy adds.

/// What a filter's parameter is called, as [`folded`], and the beginning that is enough to take another for it.
const FILTERS: [(&str, &str, &str); 4] = [
    ("device_id", "deviceid", "device"),
    ("group_id", "groupid", "group"),
    ("metric", "metric", "metric"),
    ("last_event_id", "lasteventid", "lastevent"),
];

/// Parameters that mean what they say, whatever they resemble.
const OTHERS: [&str; 10] = [
    "deadband",
    "format",
    "lastEventId",
    "max_delay",
    "max_rate",
    "overflow",
    "snapshot",
    "tenant",
    "token",
    "where",
];

/// Characters of a name that are repeated to the client.
const SHOWN_CHARS: usize = 32;

/// The parameter that was meant by `name`, which is none of a filter's.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    if OTHERS.contains(&name) {
        return None;
    }
    let name = folded(name);
    let resembles = |whole: &str, beginning: &str| {
        let mistakes = strsim::damerau_levenshtein(&name, whole);
        name.starts_with(beginning) || mistakes <= whole.len() / 4
    };
    FILTERS
        .iter()
        .find(|(_, whole, beginning)| resembles(whole, beginning))
        .map(|(parameter, _, _)| *parameter)
}

/// What is said of a parameter that was not meant as it stands.
pub(super) fn told(name: &str, meant: &str) -> String {
    let shown = name.chars().take(SHOWN_CHARS);
    let shown: String = shown.flat_map(char::escape_debug).collect();
    format!("{shown} is no parameter, did you mean {meant}?")
}

/// A name without case, brackets, what joins its words, and the plural.
fn folded(name: &str) -> String {
    let name = name.split('[').next().unwrap_or_default();
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let name: String = letters.flat_map(char::to_lowercase).take(64).collect();
    name.strip_suffix('s').map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_resembles_a_filter_is_told_its_name() {
        for (wanted, names) in [
            (
                "device_id",
                "device devices deviceId deviceIds DeviceID DEVICE_ID device-id device.id device_id[] device_ids[] \
                 device_id[0] device[id] device[] Device_Id device_name deviceName device_ID devcie_id device_di \
                 dev_ice_id evice_id devive_id device_idd",
            ),
            (
                "group_id",
                "group groups groupId group-id group_id[] group_ids[] Group_Ids GROUP grup_id gruop_id group_name",
            ),
            (
                "metric",
                "Metric Metrics METRICS metric[] metrics[] metrics[0] metric_name metric_names metricNames metic mertic \
                 metirc",
            ),
            (
                "last_event_id",
                "Last-Event-ID last-event-id lasteventid LastEventId last_event last_evnt_id lastEventID",
            ),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(meant(name), Some(wanted), "{name}");
            }
        }
    }

    #[test]
    fn what_resembles_none_is_not_looked_at() {
        let names = "_ t v cb ts r id ids x rand nocache cache_bust version trace topic debug site_id client_id user_id \
            org_id event_id session_id utm_source public static matrix type key token tenant snapshot overflow max_rate \
            max_delay where deadband format lastEventId Token 0 [] ü";
        for name in names.split_whitespace().chain([""]) {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_told_fits_a_close_frame_and_forges_no_line() {
        let told = told(&format!("device\n{}", "x".repeat(1000)), "last_event_id");
        assert!(
            told.starts_with("device\\nxxx") && told.len() < 120,
            "{told}"
        );
    }
}
