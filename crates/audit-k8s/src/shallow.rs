//! A JSON value as deep as anything that is read. Whoever may write an object may write lists in lists below fields that no API server looks
//! at, such as `metadata.managedFields` or the values of a Helm release, and a decoder refuses what is very deep: an object that cannot
//! be read would be one that nobody sees change.

use std::fmt::{self, Formatter};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Levels of lists and maps. What is deeper is `null`. `serde_json` refuses a document of 128 levels, and skips any number.
const DEEPEST: usize = 64;

/// A value without what is deeper than [`DEEPEST`].
#[derive(Debug, Clone)]
pub(crate) struct Shallow(pub(crate) Value);

impl<'de> Deserialize<'de> for Shallow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Levels(DEEPEST).deserialize(from).map(Self)
    }
}

/// How many levels are left.
#[derive(Clone, Copy)]
struct Levels(usize);

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        if self.0 == 0 {
            return IgnoredAny::deserialize(from).map(|_| Value::Null);
        }
        from.deserialize_any(Self(self.0 - 1))
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Value;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            fields.insert(name, from.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_depth_is_read_as_far_as_it_matters() {
        for depth in [1, DEEPEST - 1, DEEPEST, 200, 100_000] {
            let text = format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
            let Shallow(value) = serde_json::from_str(&text).unwrap();
            assert!(value.pointer("/a/0").is_some(), "{depth}");
            let innermost = value.pointer(&"/a/0".repeat(depth.min(DEEPEST / 2)));
            assert_eq!(
                innermost.is_some_and(|value| *value == 1),
                depth < DEEPEST / 2,
                "{depth}"
            );
        }
    }

    #[test]
    fn what_is_not_deep_is_read_as_it_is() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 1.5, "x\n\u00e4", {}], "b": {"c": []}, "a2": ""}"#;
        let Shallow(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        let Shallow(again) = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(again, value);
    }
}
