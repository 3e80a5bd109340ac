//! What a stream's request asks for: filters, a place to resume, a token.

use std::borrow::Cow;

use http::{HeaderMap, Uri};

use super::near_miss;
use crate::names::{BadName, DeviceId, GroupId};
use crate::shard::Filter;

/// The parameters of a request for a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) token: Option<String>,
    devices: Vec<String>,
    groups: Vec<String>,
    metrics: Vec<String>,
    last_event_id: Option<String>,
    /// The first parameter that can't be taken as it stands, and why. The token is judged before it.
    fault: Option<String>,
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
    /// After an id that the gateway never gave.
    AfterUnknown,
}

impl Query {
    /// Reads the query of `uri`; a parameter that is given twice adds up, and those that resemble none are not looked at.
    pub(super) fn parse(uri: &Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            for (name, value) in form_urlencoded::parse(pair.as_bytes()) {
                query.take(&name, value, pair);
            }
        }
        query
    }

    /// Takes one parameter. `pair` is what the query says of it.
    fn take(&mut self, name: &str, value: Cow<'_, str>, pair: &str) {
        let (parameter, names) = match name {
            "token" => return self.token = Some(value.into_owned()),
            "last_event_id" | "lastEventId" => {
                return self.last_event_id = Some(value.into_owned());
            }
            "device_id" | "device_ids" => ("device_id", &mut self.devices),
            "group_id" | "group_ids" => ("group_id", &mut self.groups),
            "metric" | "metrics" => ("metric", &mut self.metrics),
            _ => {
                if let Some(meant) = near_miss::meant(name) {
                    self.fault
                        .get_or_insert_with(|| near_miss::told(name, meant));
                }
                return;
            }
        };
        if is_decodable(pair, &value) {
            names.extend(list(&value));
        } else {
            self.fault.get_or_insert_with(|| {
                format!("{parameter} is not UTF-8 in percent-encoding (RFC 3986, 2.1)")
            });
        }
    }

    /// The filter that the stream begins with.
    ///
    /// # Errors
    /// Names the parameter and what is wrong with it.
    pub(super) fn filter(&self, ids_max: usize) -> Result<Filter, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
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

    /// Where the stream goes on. The header, which browsers send by themselves, wins. Any text is taken: a browser that is
    /// refused does not come back.
    pub(super) fn resume(&self, headers: &HeaderMap) -> Resume {
        let header = headers
            .get("last-event-id")
            .map(|value| value.to_str().unwrap_or("\u{fffd}"));
        match header
            .filter(|id| !id.is_empty())
            .or(self.last_event_id.as_deref())
        {
            None => Resume::No,
            Some("") => Resume::FromNow,
            Some(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                id.parse().map_or(Resume::AfterUnknown, Resume::After)
            }
            Some(_) => Resume::AfterUnknown,
        }
    }
}

/// Whether `value` is all that `pair` says: nothing of it is an escape that is none, or no text.
fn is_decodable(pair: &str, value: &str) -> bool {
    let is_escape = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    // What is not UTF-8 was decoded to this character.
    !value.contains(char::REPLACEMENT_CHARACTER) && pair.split('%').skip(1).all(is_escape)
}

/// The names between commas, without the spaces around them; an empty one names nothing.
fn list(value: &str) -> impl Iterator<Item = String> {
    let names = value.split(',').map(|name| name.trim_matches(' '));
    names.filter(|name| !name.is_empty()).map(str::to_owned)
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
    fn lists_are_taken_as_clients_in_the_field_send_them() {
        let devices = |text: &str| {
            let filter = query(text).filter(10).unwrap();
            let names: Vec<String> = filter.devices().iter().map(ToString::to_string).collect();
            (names.join("|"), filter.wants_all_devices())
        };
        for (text, wanted) in [
            ("device_id=%20A%20,,B", "A|B"),
            ("device_id=+A+,+B+", "A|B"),
            ("device_ids=A&device_id=B", "A|B"),
            ("device_id=A+B", "A B"),
            ("device_id=%C3%BC", "\u{fc}"),
        ] {
            assert_eq!(devices(text), (wanted.to_owned(), false), "{text}");
        }
        for text in [
            "device_id=",
            "device_ids=,%20,",
            "device_id",
            "_=17&t=1&cb=%FC",
        ] {
            assert_eq!(devices(text), (String::new(), true), "{text}");
        }
        let filter = query("group_ids=G,&metrics=%20t%20,,h").filter(10).unwrap();
        assert_eq!(filter.groups().len(), 1);
        assert_eq!(filter.metrics().unwrap().names().len(), 2);
        assert!(query("metrics=,").filter(10).unwrap().metrics().is_none());
    }

    #[test]
    fn what_would_widen_a_filter_is_refused_by_name() {
        for (text, wanted) in [
            (
                "device=A",
                "device is no parameter, did you mean device_id?",
            ),
            (
                "device_id%5B%5D=A",
                "device_id[] is no parameter, did you mean device_id?",
            ),
            (
                "a=b&Metrics=t&group=G",
                "Metrics is no parameter, did you mean metric?",
            ),
            (
                "device_id%FC=A",
                "device_id\u{fffd} is no parameter, did you mean device_id?",
            ),
            (
                "device_id=%FC",
                "device_id is not UTF-8 in percent-encoding (RFC 3986, 2.1)",
            ),
            (
                "device_id=%zz",
                "device_id is not UTF-8 in percent-encoding (RFC 3986, 2.1)",
            ),
            (
                "metrics=50%",
                "metric is not UTF-8 in percent-encoding (RFC 3986, 2.1)",
            ),
            (
                "group_ids=%2",
                "group_id is not UTF-8 in percent-encoding (RFC 3986, 2.1)",
            ),
        ] {
            assert_eq!(query(text).filter(10).unwrap_err(), wanted, "{text}");
        }
    }

    #[test]
    fn a_bad_id_is_named() {
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
        assert_eq!(query("").resume(&headers), Resume::No);
        assert_eq!(query("last_event_id=").resume(&headers), Resume::FromNow);
        assert_eq!(query("lastEventId=12").resume(&headers), Resume::After(12));
        for odd in ["-1", "abc", "%FC", "99999999999999999999999"] {
            let query = query(&format!("last_event_id={odd}"));
            assert_eq!(query.resume(&headers), Resume::AfterUnknown, "{odd}");
        }
        headers.insert("last-event-id", "7".parse().unwrap());
        assert_eq!(query("last_event_id=12").resume(&headers), Resume::After(7));
        headers.insert("last-event-id", "undefined".parse().unwrap());
        assert_eq!(
            query("last_event_id=12").resume(&headers),
            Resume::AfterUnknown
        );
    }
}
