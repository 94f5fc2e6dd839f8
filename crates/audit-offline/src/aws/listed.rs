//! Values of outputs, decoded. One odd element of a list does not spoil the others.

use audit_core::decode_error::plain;
use audit_core::text::quote;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The elements of a list. One that is not what the list should hold does not spoil the others.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) found: Vec<T>,
    pub(crate) odd: Vec<OddElement>,
}

impl<T> Listed<T> {
    /// Whether there is no element at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.odd.is_empty()
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            odd: Vec::new(),
        }
    }
}

/// An element of a list that cannot be read.
#[derive(Debug)]
pub(crate) struct OddElement {
    /// What it says of itself, where that can be read.
    pub(crate) arn: Option<String>,
    /// Where in the output, and why; not safe to show.
    pub(crate) why: String,
}

/// Why an element cannot be read.
#[derive(Debug)]
pub(crate) struct Misfit {
    arn: Option<String>,
    /// Where in the element; empty where it is the element itself.
    path: String,
    why: String,
}

impl Misfit {
    /// The element at a place of a list.
    pub(super) fn at(self, list: &str, place: usize) -> OddElement {
        let Self { arn, path, why } = self;
        OddElement {
            arn,
            why: format!("{list}[{place}]{path}: {}", plain(&why)),
        }
    }
}

/// Decodes an element of a list.
pub(super) fn element<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    let arn = value.get("Arn").and_then(Value::as_str).map(str::to_owned);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let is_itself = error.path().iter().next().is_none();
        Misfit {
            arn,
            path: if is_itself {
                String::new()
            } else {
                format!(".{}", error.path())
            },
            why: error.inner().to_string(),
        }
    })
}

/// Decodes the elements of a list; no list at all is an empty one.
pub(super) fn listed<T: DeserializeOwned>(
    list: Value,
    name: &str,
    command: &str,
) -> Result<Listed<T>, String> {
    let elements = match list {
        Value::Null => Vec::new(),
        Value::Array(elements) => elements,
        _ => return Err(unreadable(command, &format!("{name} is not a list"))),
    };
    let mut listed = Listed::default();
    for (place, value) in elements.into_iter().enumerate() {
        match element(value) {
            Ok(one) => listed.found.push(one),
            Err(misfit) => listed.odd.push(misfit.at(name, place)),
        }
    }
    Ok(listed)
}

/// Decodes a part of an output, or says where in it something is wrong.
pub(super) fn decoded<T: DeserializeOwned>(value: Value, command: &str) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = match error.path().iter().next() {
            Some(_) => format!("{}: ", error.path()),
            None => String::new(),
        };
        unreadable(command, &format!("{place}{}", plain(&error.inner().to_string())))
    })
}

/// That something in an output is not what the command prints.
fn unreadable(command: &str, why: &str) -> String {
    format!(
        "looks like the output of `{command}`, and cannot be read as it: {}",
        quote(why)
    )
}
