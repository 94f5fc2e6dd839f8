//! Policy documents within outputs.

use audit_core::document::decode;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A policy document: as an object, or as the text of one, percent-encoded or not.
pub(super) fn document<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::String(text) => decode(&text).into_owned(),
        object @ Value::Object(_) => object.to_string(),
        _ => {
            return Err(serde::de::Error::custom(
                "a policy document is an object or a text",
            ));
        }
    };
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom(
            "it is empty, which IAM allows for no role: print it again",
        ));
    }
    Ok(text)
}

/// The same, where it may be missing.
pub(super) fn some_document<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    document(from).map(Some)
}
