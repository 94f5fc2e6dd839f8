//! What a kind's function is given, and what it returns.

use audit_core::model::{
    BindingKey, ConsumerObject, Explains, ObjectUses, RequestedAudience, UnseenKind, Use, Used,
};
use serde_json::Value;

/// A kind of objects that use ServiceAccounts.
#[derive(Debug)]
pub struct ConsumerKind {
    /// The API group.
    pub group: &'static str,
    /// The kind, as manifests spell it.
    pub kind: &'static str,
    /// The resource, in the plural, as rights spell it.
    pub plural: &'static str,
    /// Whether objects of it are in namespaces.
    pub namespaced: bool,
    /// What its objects can explain at most.
    pub explains: Explains,
    /// The paths of what [`ConsumerKind::read`] reads beside the name: JSON pointers, with `*` for each element of a list.
    pub(super) reads: &'static [&'static str],
    /// What an object uses.
    pub(super) read: fn(&Object<'_>) -> Vec<Usage>,
}

impl ConsumerKind {
    /// The kind, as one that could not be listed.
    #[must_use]
    pub fn unseen(&self) -> UnseenKind {
        UnseenKind {
            group: self.group.to_owned(),
            kind: self.kind.to_owned(),
            resource: self.plural.to_owned(),
            explains: self.explains,
        }
    }
}

impl PartialEq for ConsumerKind {
    fn eq(&self, other: &Self) -> bool {
        (self.group, self.kind) == (other.group, other.kind)
    }
}

impl Eq for ConsumerKind {}

/// What was read of an object: which one it is, and what it uses.
pub type ReadObject = (ConsumerObject, ObjectUses);

/// An object, as far as it is read.
pub(super) struct Object<'a> {
    /// Its namespace; empty for cluster-scoped kinds.
    pub(super) namespace: &'a str,
    pub(super) value: &'a Value,
}

impl Object<'_> {
    /// The text at a JSON pointer; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        text(self.value, pointer)
    }

    /// The ServiceAccount of this name in the object's own namespace; absent for an empty name.
    pub(super) fn own(&self, name: &str) -> Option<Used> {
        let key = || BindingKey::new(self.namespace, name);
        (!name.is_empty()).then(|| Used::Named(key()))
    }
}

/// One use that an object makes.
pub(super) struct Usage {
    pub(super) used: Used,
    pub(super) how: Use,
    pub(super) is_certain: bool,
}

impl Usage {
    /// Its controller requests a token for an audience, and takes the role from the annotation.
    pub(super) fn requests(used: Used, audience: RequestedAudience) -> Self {
        Self {
            used,
            how: Use::Requests {
                audience,
                role: None,
                then: Vec::new(),
            },
            is_certain: true,
        }
    }

    /// Its controller starts pods.
    pub(super) fn launches(used: Used) -> Self {
        Self {
            used,
            how: Use::Launches,
            is_certain: true,
        }
    }

    /// The same, of which it is not certain that it needs the ServiceAccount.
    pub(super) fn perhaps(self) -> Self {
        Self {
            is_certain: false,
            ..self
        }
    }
}

/// The audience that everything asks for which does not say otherwise.
pub(super) fn sts() -> RequestedAudience {
    RequestedAudience::Fixed(audit_core::model::service_account::DEFAULT_AUDIENCE.to_owned())
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
