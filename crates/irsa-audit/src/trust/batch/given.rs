//! The context of a line, read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bad_line::BadLine;
use super::json_text::text;

/// The context of a line: keys with their values' JSON texts, in order.
pub(super) struct Given<'l>(Vec<(Text<'l>, &'l RawValue)>);

/// A string, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

/// A condition key in lower case, with its values.
pub(super) type Key = (String, Vec<String>);

/// Condition keys are case-insensitive.
fn folded(key: Cow<'_, str>) -> String {
    if key.is_ascii() {
        let mut key = key.into_owned();
        key.make_ascii_lowercase();
        key
    } else {
        key.to_lowercase()
    }
}

impl Given<'_> {
    /// The keys in order, so that each is appended to a context, however many there are.
    pub(super) fn keys(self) -> Result<Vec<Key>, BadLine> {
        let mut keys = Vec::with_capacity(self.0.len());
        for (Text(key), value) in self.0 {
            let key = folded(key);
            match values(value.get()) {
                Some(values) => keys.push((key, values)),
                None => return Err(BadLine::Value(key)),
            }
        }
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = keys.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        twice.map_or(Ok(keys), |key| Err(BadLine::Twice(key)))
    }
}

/// The values of a key: one, or those of a list. An empty list is an absent key.
fn values(json: &str) -> Option<Vec<String>> {
    if !json.starts_with('[') {
        return Some(vec![value(json)?]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    items.into_iter().map(|item| value(item.get())).collect()
}

/// A string's value, or a number or boolean as it is written.
fn value(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => text(json).map(Cow::into_owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

impl<'de: 'l, 'l> Deserialize<'de> for Given<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Given<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::with_capacity(4);
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Given(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
