//! The document of limits.

use serde_json::{Map, Value};

use super::field::{Invalid, object, unknown};

/// What happens to a subscriber whose ring is full; the words of the setting `stream.overflow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The event that comes is dropped.
    DropNewest,
    /// The oldest event that waits is dropped.
    DropOldest,
    /// An event that a newer one of its device has overtaken is dropped.
    Latest,
    /// The stream ends as a slow consumer.
    Disconnect,
}

impl Overflow {
    const ALL: [(&'static str, Self); 4] = [
        ("drop_newest", Self::DropNewest),
        ("drop_oldest", Self::DropOldest),
        ("latest", Self::Latest),
        ("disconnect", Self::Disconnect),
    ];

    /// The policy that is called so.
    pub fn of(word: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, policy)| policy)
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(_, policy)| *policy == self)
            .map_or("", |(word, _)| word)
    }
}

/// Limits of one tenant, or of every tenant. What is absent is as on the level above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Live streams of one tenant on one gateway; 0 is none.
    pub connections_per_tenant: Option<u32>,
    /// Events that a subscriber may lag, at least 1.
    pub queue_size: Option<u32>,
    /// What happens at that limit.
    pub overflow: Option<Overflow>,
    /// Devices, groups and metrics, each, that one subscriber may name; at least 1.
    pub filter_ids: Option<u32>,
    /// Messages a second that one client may send, at least 1.
    pub client_messages_per_second: Option<u32>,
}

impl Limits {
    /// Reads the document.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn parse(payload: &[u8]) -> Result<Self, Invalid> {
        let mut limits = Self::default();
        for (name, value) in object(payload)? {
            match name.as_str() {
                "overflow" => limits.overflow = Some(overflow(&value)?),
                _ => {
                    let (least, field) = limits.number(&name).ok_or_else(|| unknown(&name))?;
                    *field = Some(whole(&name, &value, least)?);
                }
            }
        }
        limits.check()?;
        Ok(limits)
    }

    /// Checks limits that were not read from a document.
    ///
    /// # Errors
    /// The first field that is wrong; `document` if there is none at all.
    pub fn check(&self) -> Result<(), Invalid> {
        if *self == Self::default() {
            return Err(Invalid::new("document", "sets no limit"));
        }
        for (name, value) in self.numbers() {
            let least = u32::from(name != "connections_per_tenant");
            if value.is_some_and(|value| value < least) {
                return Err(Invalid::new(name, "must be at least 1"));
            }
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut fields = Map::new();
        for (name, value) in self.numbers() {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value.into());
            }
        }
        if let Some(overflow) = self.overflow {
            fields.insert("overflow".to_owned(), overflow.word().into());
        }
        Value::Object(fields).to_string().into_bytes()
    }

    fn numbers(&self) -> [(&'static str, Option<u32>); 4] {
        [
            ("connections_per_tenant", self.connections_per_tenant),
            ("queue_size", self.queue_size),
            ("filter_ids", self.filter_ids),
            (
                "client_messages_per_second",
                self.client_messages_per_second,
            ),
        ]
    }

    /// The least value of the number with this name, and its place.
    fn number(&mut self, name: &str) -> Option<(u32, &mut Option<u32>)> {
        Some(match name {
            "connections_per_tenant" => (0, &mut self.connections_per_tenant),
            "queue_size" => (1, &mut self.queue_size),
            "filter_ids" => (1, &mut self.filter_ids),
            "client_messages_per_second" => (1, &mut self.client_messages_per_second),
            _ => return None,
        })
    }
}

fn whole(name: &str, value: &Value, least: u32) -> Result<u32, Invalid> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number >= least).ok_or_else(|| {
        let reason = format!("must be a whole number from {least} to {}", u32::MAX);
        Invalid::new(name, reason)
    })
}

fn overflow(value: &Value) -> Result<Overflow, Invalid> {
    value.as_str().and_then(Overflow::of).ok_or_else(|| {
        let words = Overflow::ALL.map(|(word, _)| word).join(", ");
        Invalid::new("overflow", format!("must be one of {words}"))
    })
}
