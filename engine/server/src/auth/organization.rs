//! The claim `organization`, in the forms that Keycloak gives it.
//!
//! It is an object of names, a list of names, or a list of such objects. Names keep the order of the document, which a
//! sorted or hashed map would lose. An object with a plain `id` describes one organization: its keys are no names.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The organizations that a token names, and what else the claim may be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Organization {
    /// Those that are not empty.
    pub(super) names: Vec<String>,
    /// Why there is none, if the claim is there.
    pub(super) is_no_name: Option<&'static str>,
}

impl Organization {
    fn of(names: Vec<String>, otherwise: &'static str) -> Self {
        let is_no_name = names.is_empty().then_some(otherwise);
        Self { names, is_no_name }
    }
}

const DESCRIPTION: &str = "organization describes one organization by its id and names none, and tenant_id is no name";
const NOTHING: &str = "organization holds no name, and tenant_id is none";

impl<'de> Deserialize<'de> for Organization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Item::deserialize(deserializer)? {
            Item::List(items) => {
                let why = items.iter().find_map(Item::why).unwrap_or(NOTHING);
                let names = items.into_iter().flat_map(Item::names).collect();
                Self::of(names, why)
            }
            item @ (Item::Map(_) | Item::Description) => {
                let why = item.why().unwrap_or(NOTHING);
                Self::of(item.names(), why)
            }
            Item::Text(_) => {
                Self::of(Vec::new(), "organization is a text, not names of organizations, and tenant_id is no name")
            }
            Item::Null => Self::default(),
            Item::Other => Self::of(Vec::new(), NOTHING),
        })
    }
}

/// A JSON value, as far as it matters here.
enum Item {
    Null,
    Text(String),
    /// The keys of an object.
    Map(Vec<String>),
    /// An object with an `id` that is neither object nor list.
    Description,
    List(Vec<Item>),
    Other,
}

impl Item {
    /// What it names as an item of a list, or as the whole claim where it is an object.
    fn names(self) -> Vec<String> {
        let mut names = match self {
            Self::Text(name) => vec![name],
            Self::Map(names) => names,
            Self::Null | Self::Description | Self::List(_) | Self::Other => Vec::new(),
        };
        names.retain(|name| !name.is_empty());
        names
    }

    fn why(&self) -> Option<&'static str> {
        matches!(self, Self::Description).then_some(DESCRIPTION)
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Self::Null | Self::Text(_) | Self::Other)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let (mut keys, mut is_description) = (Vec::new(), false);
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                is_description |= map.next_value::<Item>()?.is_scalar();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            keys.push(key);
        }
        Ok(if is_description { Item::Description } else { Item::Map(keys) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Item::List(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Other)
    }
}
