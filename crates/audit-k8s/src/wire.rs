//! Objects on the wire: how one of a kind is read, and what is said where it cannot be.

use std::fmt::Debug;

use audit_core::decode_error::plain;
use audit_core::text::{quote, reveal};
use kube::Resource as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;

use crate::kind::Kind;

/// An object that could not be read.
///
/// It is skipped and counted, and never stops a watch. Where an earlier version of it could be read, that version
/// stands until the object is deleted or can be read again: what was last known is nearer to the truth than nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read {kind} `{}/{}`: {reason}", quote(.namespace), quote(.name))]
pub struct Undecodable {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty where it has none, or none that could be read. Untrusted text.
    pub namespace: String,
    /// Its name; empty where none could be read. Untrusted text.
    pub name: String,
    /// Where in the object, and why; safe to show.
    pub reason: String,
}

/// What stays of an object of one kind.
///
/// In two steps, because objects are decoded where no setting can be passed in: [`Wire::prune`] is the one that saves
/// memory, [`Wire::for_prefix`] drops what only the setting shows to be of no interest.
pub(crate) trait Wire: Sized + Clone + Debug + Send + 'static {
    /// Where the API server has the kind.
    type Resource: kube::Resource<DynamicType = ()>;
    /// What the index stores.
    type Plain: Send;
    /// The kind.
    const KIND: Kind;

    /// Reduces an object, or says why it cannot be read.
    fn prune(object: Value) -> Result<Self, String>;

    /// Reduces an object as [`Wire::prune`] does, without a value of it in between, which is most of the work of reading a list.
    /// `None` where the kind is rare, and where the object cannot be read.
    fn read(_text: &str) -> Option<Self> {
        None
    }

    /// Reduces it further, for the prefix of annotations and labels.
    fn for_prefix(self, prefix: &str) -> Self::Plain;
}

/// A kind of which objects can be written down, in the form in which the API server sends them.
pub(crate) trait Extract: Wire {
    /// An object with nothing but what [`Wire::prune`] and [`Wire::for_prefix`] read of it, or why it cannot be read.
    fn extract(object: Value, prefix: &str) -> Result<Value, String>;
}

/// An object of one kind with nothing but what is read of it, and its `uid`, by which it shows that an API server printed it.
pub(crate) fn extract<W: Extract>(object: Value, prefix: &str) -> Result<Value, Undecodable> {
    let text = |pointer| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let uid = text("/metadata/uid");
    // What could not be read again is no use.
    let extract = W::prune(object.clone()).and_then(|_| W::extract(object, prefix));
    let mut extract = extract.map_err(|reason| Undecodable {
        kind: W::KIND,
        namespace,
        name,
        reason: reveal(&reason),
    })?;
    if let Some(fields) = extract.as_object_mut() {
        fields.insert("apiVersion".to_owned(), W::Resource::api_version(&()).into());
        fields.insert("kind".to_owned(), W::Resource::kind(&()).into());
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), uid.into());
        }
    }
    Ok(extract)
}

/// Takes away when each field was written last: a time that whoever writes the object may choose, up to years that no type here has.
fn forget_times(object: &mut Value) {
    let history = object.pointer_mut("/metadata/managedFields");
    for entry in history.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = entry.as_object_mut() {
            fields.remove("time");
        }
    }
}

/// Reduces an object of one kind.
pub(crate) fn prune<W: Wire>(mut object: Value) -> Result<W, Undecodable> {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    forget_times(&mut object);
    W::prune(object).map_err(|reason| Undecodable {
        kind: W::KIND,
        namespace,
        name,
        reason: reveal(&reason),
    })
}

/// Decodes an object, or says where in it something is wrong.
pub(crate) fn decode<T: DeserializeOwned>(object: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(object).map_err(|error| {
        let why = plain(&error.inner().to_string());
        match error.path().iter().next() {
            Some(_) => format!("{}: {why}", error.path()),
            None => why,
        }
    })
}

/// `null` is what an absent list or map looks like when Go writes it.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Whether a field may be left out: it is read the same if it is absent.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A value of which nothing matters but that it is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

impl Serialize for Present {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_map(Some(0))?.end()
    }
}
