//! The claim `organization`, in the forms that Keycloak gives it.
//!
//! It is an object of names, a list of names, or a list of such objects. Names keep the order of the document, which a
//! sorted or hashed map would lose. An object with a plain `id` describes one organization: its keys are no names.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

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
            item @ Item::Map(_) => {
                let why = item.why().unwrap_or(NOTHING);
                Self::of(item.names(), why)
            }
            Item::Text(_) => {
                Self::of(Vec::new(), "organization is a text, not names of organizations, and tenant_id is no name")
            }
            Item::Null => Self::default(),
            Item::Other(_) => Self::of(Vec::new(), NOTHING),
        })
    }
}

/// A JSON value, as far as it matters here.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Null,
    Text(String),
    List(Vec<Item>),
    Map(IndexMap<String, Item>),
    Other(IgnoredAny),
}

impl Item {
    /// What it names as an item of a list, or as the whole claim where it is an object.
    fn names(self) -> Vec<String> {
        let mut names = match self {
            Self::Text(name) => vec![name],
            Self::Map(items) if !is_description(&items) => items.into_keys().collect(),
            _ => Vec::new(),
        };
        names.retain(|name| !name.is_empty());
        names
    }

    fn why(&self) -> Option<&'static str> {
        matches!(self, Self::Map(items) if is_description(items)).then_some(DESCRIPTION)
    }
}

/// Whether there is an `id` that is neither object nor list.
fn is_description(items: &IndexMap<String, Item>) -> bool {
    items
        .get("id")
        .is_some_and(|id| matches!(id, Item::Null | Item::Text(_) | Item::Other(_)))
}
