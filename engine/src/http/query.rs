//! What a stream's request asks for: filters, a place to resume, a token.

use http::{HeaderMap, Uri};

use crate::names::{BadName, DeviceId, GroupId};
use crate::shard::Filter;

/// The parameters of a request for a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) token: Option<String>,
    /// Which of its tenants the token speaks for.
    pub(super) tenant: Option<String>,
    devices: Vec<String>,
    groups: Vec<String>,
    metrics: Vec<String>,
    last_event_id: Option<String>,
}

/// Where a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// Nothing was asked: events from now on.
    No,
    /// From now on, but the client wants to be able to resume.
    FromNow,
    /// After this event.
    After(u64),
}

impl Query {
    /// Reads the query of `uri`; a parameter that is given twice adds up, and unknown ones are not looked at.
    pub(super) fn parse(uri: &Uri) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "token" if !value.is_empty() => query.token = Some(value.into_owned()),
                "tenant" if !value.is_empty() => query.tenant = Some(value.into_owned()),
                "device_id" => query.devices.extend(list(&value)),
                "group_id" => query.groups.extend(list(&value)),
                "metric" => query.metrics.extend(list(&value)),
                "last_event_id" | "lastEventId" => query.last_event_id = Some(value.into_owned()),
                _ => {}
            }
        }
        query
    }

    /// The filter that the stream begins with.
    ///
    /// # Errors
    /// Names the parameter and what is wrong with it.
    pub(super) fn filter(&self, ids_max: usize) -> Result<Filter, String> {
        let mut filter = Filter::default();
        if !self.devices.is_empty() {
            let devices = names("device_id", &self.devices, DeviceId::parse)?;
            filter
                .add_devices(&devices, ids_max)
                .map_err(|error| error.to_string())?;
        }
        if !self.groups.is_empty() {
            let groups = names("group_id", &self.groups, GroupId::parse)?;
            filter
                .add_groups(&groups, ids_max)
                .map_err(|error| error.to_string())?;
        }
        filter
            .set_metrics(self.metrics.clone(), ids_max)
            .map_err(|error| error.to_string())?;
        Ok(filter)
    }

    /// Where the stream goes on. The header, which browsers send by themselves, wins.
    ///
    /// # Errors
    /// If the id is not a decimal number.
    pub(super) fn resume(&self, headers: &HeaderMap) -> Result<Resume, String> {
        let header = headers
            .get("last-event-id")
            .map(|value| value.to_str().unwrap_or("\u{fffd}"));
        match header
            .filter(|id| !id.is_empty())
            .or(self.last_event_id.as_deref())
        {
            None => Ok(Resume::No),
            Some("") => Ok(Resume::FromNow),
            Some(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                let too_large = |_| "last_event_id is not an id of an event".to_owned();
                id.parse().map(Resume::After).map_err(too_large)
            }
            Some(_) => Err("last_event_id is not a decimal number".to_owned()),
        }
    }
}

/// An empty value names nothing; between commas every name counts, even an empty one, which is then refused.
fn list(value: &str) -> impl Iterator<Item = String> {
    let names = (!value.is_empty()).then(|| value.split(','));
    names.into_iter().flatten().map(str::to_owned)
}

fn names<T>(
    parameter: &str,
    texts: &[String],
    parse: fn(&str) -> Result<T, BadName>,
) -> Result<Vec<T>, String> {
    texts
        .iter()
        .map(|text| parse(text).map_err(|bad| format!("{parameter} {bad}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn filters_are_read_from_lists_and_repeated_parameters() {
        let filter = query("device_id=A,B%20C&device_id=D&metric=t,h&group_id=")
            .filter(10)
            .unwrap();
        assert_eq!(
            filter
                .devices()
                .iter()
                .map(DeviceId::as_str)
                .collect::<Vec<_>>(),
            ["A", "B C", "D"]
        );
        assert_eq!(filter.metrics().unwrap().names().len(), 2);
        assert!(query("").filter(10).unwrap().wants_all_devices());
        assert!(
            query("device_id=&token=x")
                .filter(10)
                .unwrap()
                .wants_all_devices()
        );
    }

    #[test]
    fn a_bad_id_is_named() {
        assert_eq!(
            query("device_id=A,,B").filter(10).unwrap_err(),
            "device_id is empty"
        );
        assert!(
            query("group_id=a%2Fb")
                .filter(10)
                .unwrap_err()
                .starts_with("group_id holds")
        );
        assert!(query("device_id=A,B,C").filter(2).is_err());
    }

    #[test]
    fn the_header_wins_over_the_parameter() {
        let mut headers = HeaderMap::new();
        assert_eq!(query("").resume(&headers), Ok(Resume::No));
        assert_eq!(
            query("last_event_id=").resume(&headers),
            Ok(Resume::FromNow)
        );
        assert_eq!(
            query("lastEventId=12").resume(&headers),
            Ok(Resume::After(12))
        );
        assert!(query("last_event_id=-1").resume(&headers).is_err());
        assert!(
            query("last_event_id=99999999999999999999999")
                .resume(&headers)
                .is_err()
        );
        headers.insert("last-event-id", "7".parse().unwrap());
        assert_eq!(
            query("last_event_id=12").resume(&headers),
            Ok(Resume::After(7))
        );
    }
}
